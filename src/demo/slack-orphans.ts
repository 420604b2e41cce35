import { agesBetween, DAY_MS, fileStamp, HOUR_MS, olderThanThreshold } from './ages.ts';
import { type Conversation, writeTrajectory, writeTranscript } from './conversation-files.ts';
import type { Random } from './random.ts';
import type { Row } from './rows.ts';
import type { SessionsFolder } from './sessions-folder.ts';
import { correlated, drawNormals, drawSizes } from './sizes.ts';
import type { SlackConversation } from './slack-plan.ts';
import { slackBaseName } from './slack-rows.ts';
import { type Orphan, type OrphanKind, type SyntheticSession, scaleCount } from './synthetic-store.ts';
import { type TrajectorySetup, TURN_BYTES } from './trajectories.ts';

const RESET_SIZE = { median: 30_000, p95: 400_000, max: 8_000_000, mean: 110_000 };
const TRAJECTORY_SIZE = { median: 3 * TURN_BYTES, p95: 20 * TURN_BYTES, max: 50_000_000, mean: 690_000 };
const SMALL_TRANSCRIPT_BYTES = 20_000;

/** What writing any part of the store needs. */
export interface SlackContext {
  readonly folder: SessionsFolder;
  readonly random: Random;
  readonly setup: TrajectorySetup;
  readonly nowMs: number;
  readonly sizeScale: number;
  readonly countScale: number;
}

/**
 * What daily resets leave behind: for each earlier generation the renamed
 * transcript, and under its old name the trajectory with its pointer, which the
 * rename forgets. All three carry the time of the reset.
 */
export function writeGenerations(
  context: SlackContext,
  conversations: readonly SlackConversation[],
  codexSidecars: number,
): Orphan[] {
  const { folder, nowMs, sizeScale, setup } = context;
  const runs = conversations.flatMap((conversation) =>
    conversation.generations.map((generation) => ({ conversation, generation })),
  );
  const normals = drawNormals(context.random.fork('generation-sizes'), runs.length);
  const transcriptBytes = drawSizes(normals, RESET_SIZE);
  const trajectoryBytes = drawSizes(correlated(context.random.fork('turns'), normals), TRAJECTORY_SIZE);
  const orphans: Orphan[] = [];
  for (const [index, { conversation, generation }] of runs.entries()) {
    const { sessionId, startedAtMs, endedAtMs } = generation;
    const baseName = slackBaseName(conversation, sessionId);
    const bytes = trajectoryBytes[index] ?? 0;
    const run: Conversation = {
      sessionId,
      sessionKey: conversation.sessionKey,
      baseName,
      startedAtMs,
      endedAtMs,
      turns: Math.max(1, Math.round(bytes / TURN_BYTES)),
      transcriptBytes: (transcriptBytes[index] ?? 0) * sizeScale,
      trajectoryBytes: bytes * sizeScale,
      imageChars: 0,
    };
    const random = context.random.fork(sessionId);
    const ageMs = nowMs - endedAtMs;
    const reset = writeTranscript(folder, run, random, `${baseName}.jsonl.reset.${fileStamp(endedAtMs)}`);
    const [trajectory, pointer] = writeTrajectory(folder, run, setup, random);
    orphans.push(
      { name: reset, kind: 'reset', ageMs },
      { name: trajectory, kind: 'trajectory', ageMs },
      { name: pointer, kind: 'trajectory-pointer', ageMs },
    );
    if (index < codexSidecars) {
      const name = `${baseName}.jsonl.codex-app-server.json`;
      folder.write(name, [codexSidecar(folder.pathOf(`${baseName}.jsonl`), endedAtMs, random)], endedAtMs);
      orphans.push({ name, kind: 'codex-sidecar', ageMs });
    }
  }
  return orphans;
}

/** Where a Codex app server keeps the thread that continues a transcript. OpenClaw never removes it. */
export function codexSidecar(sessionFile: string, updatedAtMs: number, random: Random): string {
  const updatedAt = new Date(updatedAtMs).toISOString();
  const binding = {
    schemaVersion: 1,
    sessionFile,
    threadId: random.uuid(),
    cwd: '',
    createdAt: updatedAt,
    updatedAt,
  };
  return `${JSON.stringify(binding, null, 2)}\n`;
}

/** Deleted transcripts, checkpoints and repair backups that no row names, and what the store's writer left. */
export function writeLooseFiles(
  context: SlackContext,
  sessions: readonly SyntheticSession[],
  store: Readonly<Record<string, Row>>,
  storeTemps: number,
): Orphan[] {
  const { folder, nowMs, countScale } = context;
  const random = context.random.fork('loose');
  const orphans: Orphan[] = [];
  const ages = (count: number) => agesBetween(random, scaleCount(count, countScale), HOUR_MS, 7 * DAY_MS);
  const olderAges = (count: number) =>
    agesBetween(random, scaleCount(count, countScale), 7 * DAY_MS, 14 * DAY_MS);
  const add = (name: string, kind: OrphanKind, ageMs: number, text: string) => {
    folder.write(name, [text], nowMs - ageMs);
    orphans.push({ name, kind, ageMs });
  };
  const addTranscript = (kind: OrphanKind, ageMs: number, bytes: number, nameOf: (id: string) => string) => {
    const sessionId = random.uuid();
    const endedAtMs = nowMs - ageMs;
    const run = looseRun(sessionId, endedAtMs, bytes * context.sizeScale);
    orphans.push({ name: writeTranscript(folder, run, random, nameOf(sessionId)), kind, ageMs });
  };

  for (const ageMs of [...ages(30), ...olderAges(30)]) {
    const stamp = fileStamp(nowMs - ageMs);
    addTranscript('deleted', ageMs, SMALL_TRANSCRIPT_BYTES, (id) => `${id}.jsonl.deleted.${stamp}`);
  }
  for (const ageMs of [...ages(8), ...olderAges(7)]) {
    const bytes = random.between(200_000, 1_100_000);
    addTranscript('checkpoint', ageMs, bytes, (id) => `${id}.checkpoint.${random.uuid()}.jsonl`);
  }
  // A backup lies beside its live transcript and is older: it must not make an idle row look busy.
  const youngest = [...sessions].sort((a, b) => a.ageMs - b.ageMs).slice(0, scaleCount(5, countScale));
  for (const { ageMs: rowAgeMs, files } of youngest) {
    const ageMs = olderThanThreshold(rowAgeMs + HOUR_MS);
    const stamp = `${random.int(300, 9000)}-${nowMs - ageMs}`;
    addTranscript('repair-backup', ageMs, SMALL_TRANSCRIPT_BYTES, () => `${files[0]}.bak-${stamp}`);
  }
  const storeText = JSON.stringify(Object.fromEntries(Object.entries(store).slice(0, 20)), null, 2);
  for (const ageMs of agesBetween(random, scaleCount(storeTemps, countScale), DAY_MS, 7 * DAY_MS)) {
    // A crash in mid-write: the tail is missing.
    add(`sessions.json.${random.uuid()}.tmp`, 'store-temp', ageMs, storeText.slice(0, -100));
  }
  add('sessions.json.bak.1', 'store-backup', 12 * DAY_MS, storeText);
  add(
    '.usage-cost-cache.json',
    'usage-cache',
    5 * HOUR_MS,
    `{"version":4,"updatedAt":${nowMs - 5 * HOUR_MS},"files":{}}\n`,
  );
  return orphans;
}

function looseRun(sessionId: string, endedAtMs: number, transcriptBytes: number): Conversation {
  return {
    sessionId,
    sessionKey: '',
    baseName: sessionId,
    startedAtMs: endedAtMs - HOUR_MS,
    endedAtMs,
    turns: 4,
    transcriptBytes,
    trajectoryBytes: 0,
    imageChars: 0,
  };
}
