import { MODEL, WORKSPACE_DIR } from './agent-setup.ts';
import type { Random } from './random.ts';
import type { SessionsFolder } from './sessions-folder.ts';
import { type TrajectorySetup, trajectoryLines, trajectoryPointer } from './trajectories.ts';
import { transcriptLines } from './transcripts.ts';

/** One run of a conversation under one session id: the live one, or one that a reset ended. */
export interface Conversation {
  readonly sessionId: string;
  readonly sessionKey: string;
  /** The transcript's name without `.jsonl`. */
  readonly baseName: string;
  readonly startedAtMs: number;
  /** Also the mtime of every file. */
  readonly endedAtMs: number;
  readonly turns: number;
  readonly transcriptBytes: number;
  readonly trajectoryBytes: number;
  readonly imageChars: number;
}

/** Writes a transcript under `name`, by default the live one's. Returns the name. */
export function writeTranscript(
  folder: SessionsFolder,
  conversation: Conversation,
  random: Random,
  name = `${conversation.baseName}.jsonl`,
): string {
  const { sessionId, startedAtMs, endedAtMs, turns, imageChars } = conversation;
  const plan = {
    sessionId,
    model: MODEL,
    cwd: WORKSPACE_DIR,
    startedAtMs,
    endedAtMs,
    turns,
    targetBytes: conversation.transcriptBytes,
    imageChars,
  };
  folder.write(name, transcriptLines(plan, random), endedAtMs, 0o644);
  return name;
}

/** Writes the trajectory and its pointer. Returns their names. */
export function writeTrajectory(
  folder: SessionsFolder,
  conversation: Conversation,
  setup: TrajectorySetup,
  random: Random,
): readonly [trajectory: string, pointer: string] {
  const { baseName, sessionId, sessionKey, startedAtMs, endedAtMs } = conversation;
  const trajectory = `${baseName}.trajectory.jsonl`;
  const pointer = `${baseName}.trajectory-path.json`;
  const plan = {
    sessionId,
    sessionKey,
    transcriptPath: folder.pathOf(`${baseName}.jsonl`),
    startedAtMs,
    endedAtMs,
    targetBytes: conversation.trajectoryBytes,
  };
  folder.write(trajectory, trajectoryLines(plan, setup, random), endedAtMs);
  folder.write(pointer, [trajectoryPointer(sessionId, folder.pathOf(trajectory))], endedAtMs);
  return [trajectory, pointer];
}
