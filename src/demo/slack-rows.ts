import { SKILLS, skillsPrompt, systemPromptReport } from './agent-setup.ts';
import { fileStamp } from './ages.ts';
import { paragraphs } from './prose.ts';
import type { Random } from './random.ts';
import { activityFields, type Row, routingFields } from './rows.ts';
import { type SlackConversation, slackTarget } from './slack-plan.ts';

// Chosen so that 584 rows weigh the report's 4.33 MiB, 7.6 KiB each.
const REPORT_SIZE = { tools: 6, skills: 6, files: 3, hashes: false };
const SKILL_COUNT = 6;

/** Releases before 2026.5.13 keep the whole prompt in every row. */
const SKILLS_SNAPSHOT = {
  prompt: skillsPrompt(SKILL_COUNT, 110),
  skills: SKILLS.slice(0, SKILL_COUNT).map((name) => ({ name, requiredEnv: [] })),
  version: 0,
};

/** The transcript's name without `.jsonl`; threads carry their timestamp, forks the moment of the fork. */
export function slackBaseName(
  conversation: SlackConversation,
  sessionId: string,
  forkedAtMs?: number,
): string {
  if (forkedAtMs !== undefined) return `${fileStamp(forkedAtMs).replace('.', '-')}_${sessionId}`;
  return conversation.threadTs === undefined ? sessionId : `${sessionId}-topic-${conversation.threadTs}`;
}

/** A row as 2026.5.7 writes it for a Slack conversation; `sessionFile` is absolute, as in every release. */
export function slackRow(conversation: SlackConversation, sessionFile: string, random: Random): Row {
  const { kind, sessionKey, sessionId, nativeId, name, threadTs, generations } = conversation;
  const { startedAtMs, updatedAtMs } = conversation;
  const isGroup = kind === 'mpim' || kind === 'mpim-thread';
  const family = [...generations.map((generation) => generation.sessionId), sessionId];
  return {
    ...activityFields(
      sessionId,
      sessionFile,
      { sessionStartedAtMs: startedAtMs, updatedAtMs },
      { input: random.int(8_000, 120_000), output: random.int(200, 9_000) },
    ),
    modelProvider: 'acme',
    model: 'acme-large-2',
    groupId: nativeId.toLowerCase(),
    groupChannel: name,
    ...routingFields({
      channel: 'slack',
      to: slackTarget(conversation),
      from: `slack:${isGroup ? 'group' : 'channel'}:${nativeId}`,
      chatType: isGroup ? 'group' : 'channel',
      label: name,
      nativeChannelId: nativeId,
      ...(threadTs === undefined ? {} : { threadId: threadTs }),
    }),
    ...(generations.length === 0 ? {} : { usageFamilyKey: sessionKey, usageFamilySessionIds: family }),
    skillsSnapshot: SKILLS_SNAPSHOT,
    systemPromptReport: systemPromptReport(
      { sessionId, sessionKey, generatedAtMs: startedAtMs },
      REPORT_SIZE,
    ),
  };
}

/** One entry of `compactionCheckpoints`. Old releases kept the transcript from before the compaction as a file. */
export function compactionCheckpoint(
  conversation: SlackConversation,
  sessionFile: string,
  checkpointFile: string | undefined,
  random: Random,
): Row {
  const { sessionKey, sessionId, startedAtMs, updatedAtMs } = conversation;
  const tokensBefore = random.int(120_000, 190_000);
  return {
    checkpointId: random.uuid(),
    sessionKey,
    sessionId,
    createdAt: random.int(startedAtMs, updatedAtMs),
    reason: 'auto-threshold',
    tokensBefore,
    tokensAfter: Math.floor(tokensBefore / 6),
    summary: paragraphs(random, random.int(200, 900)),
    firstKeptEntryId: random.hex(8),
    preCompaction: {
      sessionId,
      ...(checkpointFile === undefined ? {} : { sessionFile: checkpointFile }),
      leafId: random.hex(8),
    },
    postCompaction: { sessionId, sessionFile, leafId: random.hex(8) },
  };
}

/** A subagent that the conversation started and that never reported back. Its transcript was never written. */
export function subagentRow(
  agentId: string,
  parent: SlackConversation,
  random: Random,
): { readonly sessionKey: string; readonly sessionId: string; readonly row: Row } {
  const sessionId = random.uuid();
  const { updatedAtMs } = parent;
  const row = {
    sessionId,
    updatedAt: updatedAtMs,
    sessionStartedAt: updatedAtMs,
    startedAt: updatedAtMs,
    status: 'running',
    spawnedBy: parent.sessionKey,
    spawnDepth: 1,
    subagentRole: 'leaf',
  };
  return { sessionKey: `agent:${agentId}:subagent:${random.uuid()}`, sessionId, row };
}
