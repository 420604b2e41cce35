import { blockerFields } from './blockers.ts';
import { writeTrajectory, writeTranscript } from './conversation-files.ts';
import type { Random } from './random.ts';
import type { Row } from './rows.ts';
import type { SessionsFolder } from './sessions-folder.ts';
import { correlated, drawNormals, drawSizes } from './sizes.ts';
import { codexSidecar } from './slack-orphans.ts';
import type { SlackConversation } from './slack-plan.ts';
import { compactionCheckpoint, slackBaseName, slackRow } from './slack-rows.ts';
import { scaleCount } from './synthetic-store.ts';
import { type TrajectorySetup, TURN_BYTES } from './trajectories.ts';

const TRANSCRIPT_SIZE = { median: 35_000, p95: 700_000, max: 12_000_000, mean: 163_000 };
const TRAJECTORY_SIZE = { median: 3 * TURN_BYTES, p95: 20 * TURN_BYTES, max: 50_000_000, mean: 685_000 };
const CHECKPOINT_FILES = 25;
const COMPACTED_ROWS = 88;
const IMAGES = 6;
const IMAGE_CHARS = 900_000;

/** What the planner decided about one conversation besides its key and its ages. */
export interface LivePlan extends SlackConversation {
  /** Its transcript has a lock beside it. */
  readonly locked?: boolean;
  /** Its transcript is named like a fork's, so that only `sessionFile` tells where it is. */
  readonly forked?: boolean;
}

/** How heavy a live conversation is, and which extras its row has. */
export interface LiveSize {
  readonly transcriptBytes: number;
  readonly trajectoryBytes: number;
  readonly imageChars: number;
  readonly compactions: number;
  readonly hasCheckpointFile: boolean;
}

/** Draws sizes for `count` conversations; sums follow the report's 1.3 GB times `sizeScale`. */
export function drawLiveSizes(
  random: Random,
  count: number,
  sizeScale: number,
  countScale: number,
): LiveSize[] {
  const normals = drawNormals(random, count);
  const transcripts = drawSizes(normals, TRANSCRIPT_SIZE);
  const trajectories = drawSizes(correlated(random, normals), TRAJECTORY_SIZE);
  const compacted = random.shuffle([...normals.keys()]).slice(0, scaleCount(COMPACTED_ROWS, countScale));
  const withFile = new Set(compacted.slice(0, scaleCount(CHECKPOINT_FILES, countScale)));
  const withHistory = new Set(compacted);
  const largest = [...transcripts.keys()].sort((a, b) => (transcripts[b] ?? 0) - (transcripts[a] ?? 0));
  const withImage = new Set(largest.slice(0, scaleCount(IMAGES, countScale)));
  return normals.map((_, index) => {
    const transcriptBytes = (transcripts[index] ?? 0) * sizeScale;
    return {
      transcriptBytes,
      trajectoryBytes: (trajectories[index] ?? 0) * sizeScale,
      imageChars: withImage.has(index)
        ? Math.floor(Math.min(IMAGE_CHARS * sizeScale, transcriptBytes / 2))
        : 0,
      compactions: withHistory.has(index) ? random.int(1, 4) : 0,
      hasCheckpointFile: withFile.has(index),
    };
  });
}

export interface LiveSession {
  readonly row: Row;
  readonly files: readonly string[];
  /** The transcript's absolute path, as the row has it. */
  readonly sessionFile: string;
}

/** Writes the files of one live conversation, all with the row's own time, and returns its row. */
export function writeLiveSession(
  folder: SessionsFolder,
  plan: LivePlan,
  size: LiveSize,
  setup: TrajectorySetup,
  sizeScale: number,
  random: Random,
): LiveSession {
  const { sessionId, sessionKey, startedAtMs, updatedAtMs, blocker } = plan;
  const baseName = slackBaseName(plan, sessionId, plan.forked ? startedAtMs : undefined);
  const conversation = {
    sessionId,
    sessionKey,
    baseName,
    startedAtMs,
    endedAtMs: updatedAtMs,
    turns: Math.max(1, Math.round(size.trajectoryBytes / sizeScale / TURN_BYTES)),
    transcriptBytes: size.transcriptBytes,
    trajectoryBytes: size.trajectoryBytes,
    imageChars: size.imageChars,
  };
  const transcript = writeTranscript(folder, conversation, random);
  const files = [transcript, ...writeTrajectory(folder, conversation, setup, random)];
  const sessionFile = folder.pathOf(transcript);
  const add = (name: string, text: string) => {
    folder.write(name, [text], updatedAtMs);
    files.push(name);
  };
  if (plan.locked) add(`${transcript}.lock`, lockText(updatedAtMs));
  if (blocker === 'codex-app-server') {
    add(`${transcript}.codex-app-server.json`, codexSidecar(sessionFile, updatedAtMs, random));
  }
  let checkpointFile: string | undefined;
  if (size.hasCheckpointFile) {
    const name = `${sessionId}.checkpoint.${random.uuid()}.jsonl`;
    const before = {
      ...conversation,
      imageChars: 0,
      transcriptBytes: random.between(200_000, 1_100_000) * sizeScale,
    };
    files.push(writeTranscript(folder, before, random, name));
    checkpointFile = folder.pathOf(name);
  }
  const checkpoints = Array.from({ length: size.compactions }, (_, index) =>
    compactionCheckpoint(plan, sessionFile, index === 0 ? checkpointFile : undefined, random),
  );
  const row = {
    ...slackRow(plan, sessionFile, random),
    ...(checkpoints.length === 0
      ? {}
      : { compactionCount: checkpoints.length, compactionCheckpoints: checkpoints }),
    ...(blocker === undefined ? {} : blockerFields(blocker, updatedAtMs)),
  };
  return { row, files, sessionFile };
}

/** A lock as OpenClaw 2026.5 writes it. Process 1 is alive on every machine. */
function lockText(createdAtMs: number): string {
  const lock = { pid: 1, createdAt: new Date(createdAtMs).toISOString(), maxHoldMs: 1_020_000 };
  return `${JSON.stringify(lock, null, 2)}\n`;
}
