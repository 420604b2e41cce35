import { MODEL, SKILLS, sha256, skillsPrompt, systemPromptReport } from './agent-setup.ts';
import type { ProbeStoreRow } from './model-run-plan.ts';
import type { Random } from './random.ts';
import { activityFields, type Row, type RowTimes, routingFields } from './rows.ts';

/** The skills prompt that every row refers to by its hash. */
export const PROMPT_BLOB = skillsPrompt(SKILLS.length, 130);
const PROMPT_HASH = sha256(PROMPT_BLOB);
/** Where the prompt lies, relative to the sessions folder. */
export const PROMPT_BLOB_NAME = `skills-prompts/sha256/${PROMPT_HASH.slice(0, 2)}/${PROMPT_HASH}.txt`;

const SKILLS_SNAPSHOT = {
  skills: SKILLS.map((name) => ({ name })),
  version: 0,
  promptRef: { version: 1, algorithm: 'sha256', hash: PROMPT_HASH, bytes: Buffer.byteLength(PROMPT_BLOB) },
};
// A probe sends neither tools nor skills; everything else sends all of them.
const PROBE_REPORT = { tools: 0, skills: 0, files: 7, hashes: true };
const CONVERSATION_REPORT = { tools: 28, skills: 15, files: 7, hashes: true };

/** A row as 2026.5.26 writes it: the prompt by reference, the system prompt's tables inline. */
export function probeStoreRow(
  row: ProbeStoreRow,
  sessionKey: string,
  sessionFile: string,
  times: RowTimes,
  random: Random,
): Row {
  const { sessionId } = row;
  const routing = row.route === undefined ? {} : routingFields(row.route);
  if (!row.hasFiles) return { sessionId, updatedAt: times.updatedAtMs, ...routing };
  const isProbe = row.kind === 'model-run';
  const tokens = {
    input: random.int(8, isProbe ? 400 : 90_000),
    output: random.int(2, isProbe ? 60 : 4_000),
  };
  return {
    ...activityFields(sessionId, sessionFile, times, tokens),
    ...routing,
    skillsSnapshot: SKILLS_SNAPSHOT,
    modelProvider: MODEL.provider,
    model: MODEL.modelId,
    agentHarnessId: 'openclaw',
    systemPromptReport: systemPromptReport(
      { sessionId, sessionKey, generatedAtMs: times.sessionStartedAtMs },
      isProbe ? PROBE_REPORT : CONVERSATION_REPORT,
    ),
    contextBudgetStatus: contextBudget(sessionId, times.sessionStartedAtMs, tokens.input),
  };
}

function contextBudget(sessionId: string, updatedAt: number, promptTokens: number): Row {
  return {
    schemaVersion: 1,
    source: 'pre-prompt-estimate',
    updatedAt,
    provider: MODEL.provider,
    model: MODEL.modelId,
    route: 'fits',
    shouldCompact: false,
    estimatedPromptTokens: promptTokens,
    contextTokenBudget: 200_000,
    promptBudgetBeforeReserve: 180_000,
    reserveTokens: 20_000,
    effectiveReserveTokens: 20_000,
    remainingPromptBudgetTokens: 180_000 - promptTokens,
    overflowTokens: 0,
    toolResultReducibleChars: 0,
    messageCount: 0,
    unwindowedMessageCount: 0,
    sessionId,
  };
}
