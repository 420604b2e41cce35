import type { Timetable } from './timetable.ts';

/** A nightly run, as a scheduler outside of us is to start it. */
export interface NightlyJob {
  /** Program and arguments; no shell is involved. */
  readonly argv: readonly string[];
  readonly timetable: Timetable;
  readonly jitterMs: number;
  /** Folders that a run writes to: OpenClaw's state, and the archive where it is a folder. */
  readonly writableDirs: readonly string[];
  /** Where it leaves numbers for Prometheus: a run goes through without it. */
  readonly metricsDir?: string;
  /** kubernetes: the image that has clawback in it. */
  readonly image?: string;
}

export interface UnitFile {
  /** Where it belongs; `~` is the user's home. */
  readonly path: string;
  readonly text: string;
}

/** What to write, and what to type afterwards. */
export interface Unit {
  readonly files: readonly UnitFile[];
  /** Commands that switch it on, each an argv; with `stdin` where one reads the first file. */
  readonly enable: readonly (readonly string[])[];
  /** For people: where credentials go, what to look at. */
  readonly notes: readonly string[];
}

/** One word for a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
