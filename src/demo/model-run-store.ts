import { MINUTE_MS } from './ages.ts';
import { writeOpenClawConfig } from './config-file.ts';
import { writeTrajectory, writeTranscript } from './conversation-files.ts';
import { type ProbeStoreRow, planProbeStore } from './model-run-plan.ts';
import { PROMPT_BLOB, PROMPT_BLOB_NAME, probeStoreRow } from './model-run-rows.ts';
import { createRandom, lognormal, type Random } from './random.ts';
import type { Row, RowTimes } from './rows.ts';
import { SessionsFolder } from './sessions-folder.ts';
import type { SyntheticSession, SyntheticStore, SyntheticStoreOptions } from './synthetic-store.ts';
import { conversationSetup, probeSetup, type TrajectorySetup, TURN_BYTES } from './trajectories.ts';

/** A probe takes seconds from its first line to its last. */
const PROBE_MS = 1_100;
const CONVERSATION_MS = 25 * MINUTE_MS;
const PROBE_TRANSCRIPT_BYTES = 1_100;

/**
 * Writes the store of the model-run report: 549 rows, 507 of them one-shot probes,
 * 483 of those older than a day; 1,638 files besides sessions.json and the shared
 * prompt. Nothing in it blocks and no file is unreferenced, so `blockers` and
 * `orphans` change nothing.
 *
 * @throws {ClawbackError} `usage` if the agent has a store already.
 */
export async function writeModelRunStore(options: SyntheticStoreOptions): Promise<SyntheticStore> {
  const { stateDir, nowMs, agentId = 'main', seed = 1, sizeScale = 1 } = options;
  const { countScale = 1, variants = false } = options;
  const random = createRandom(`model-run-549/${seed}/${agentId}`);
  const folder = new SessionsFolder(stateDir, agentId);
  writeOpenClawConfig(stateDir);

  const setups = { probe: probeSetup(sizeScale), conversation: conversationSetup(sizeScale, 'slack') };
  const rows: Record<string, Row> = {};
  const sessions: SyntheticSession[] = [];
  for (const plan of planProbeStore(random.fork('plan'), { countScale, variants })) {
    const { sessionId, ageMs, kind, hasFiles } = plan;
    const sessionKey = `agent:${agentId}:${plan.keyTail}`;
    const updatedAtMs = nowMs - ageMs;
    const isProbe = kind === 'model-run';
    const times = { updatedAtMs, sessionStartedAtMs: updatedAtMs - (isProbe ? PROBE_MS : CONVERSATION_MS) };
    const own = random.fork(sessionId);
    const setup = isProbe ? setups.probe : setups.conversation;
    const files = hasFiles ? writeFiles(folder, plan, sessionKey, times, setup, sizeScale, own) : [];
    rows[sessionKey] = probeStoreRow(plan, sessionKey, folder.pathOf(`${sessionId}.jsonl`), times, own);
    sessions.push({ sessionKey, sessionId, ageMs, files });
  }
  const newestMs = nowMs - Math.min(...sessions.map(({ ageMs }) => ageMs));
  folder.write(PROMPT_BLOB_NAME, [PROMPT_BLOB], newestMs);
  folder.writeStore(rows, newestMs);
  return {
    stateDir,
    sessionsDir: folder.dir,
    storePath: folder.storePath,
    rowCount: sessions.length,
    fileCount: folder.fileCount,
    bytes: folder.bytes,
    sessions,
    orphans: [],
  };
}

function writeFiles(
  folder: SessionsFolder,
  plan: ProbeStoreRow,
  sessionKey: string,
  times: RowTimes,
  setup: TrajectorySetup,
  sizeScale: number,
  random: Random,
): string[] {
  const isProbe = plan.kind === 'model-run';
  const turns = isProbe ? 1 : Math.min(40, Math.max(1, Math.round(lognormal(random.normal(), 3, 20))));
  const conversation = {
    sessionId: plan.sessionId,
    sessionKey,
    baseName: plan.sessionId,
    startedAtMs: times.sessionStartedAtMs,
    endedAtMs: times.updatedAtMs,
    turns,
    transcriptBytes: isProbe ? PROBE_TRANSCRIPT_BYTES : turns * 9_000 * sizeScale,
    trajectoryBytes: isProbe ? setup.turnBytes : turns * TURN_BYTES * sizeScale,
    imageChars: 0,
  };
  const transcript = writeTranscript(folder, conversation, random);
  return [transcript, ...writeTrajectory(folder, conversation, setup, random)];
}
