import type { EngineChoice } from '../codec/codec.ts';
import type { S3Options } from '../objects/location.ts';
import type { SessionKind } from '../sessions/session-key.ts';
import type { HighWater } from './size.ts';

/** The settings of one run, checked and with every default filled in. Durations are in milliseconds. */
export interface Config {
  /** `file:///dir` or `s3://bucket/prefix`; never holds a credential. */
  readonly archive: string;
  /** Undefined until the state folder's own id is read. */
  readonly instance?: string;
  readonly s3: S3Options;
  readonly retention: RetentionConfig;
  readonly modelRun: { readonly keepTranscripts: boolean };
  readonly tombstone: { readonly stub: boolean };
  readonly restore: RestoreConfig;
  /** How long what is forgotten stays in the archive. */
  readonly gc: { readonly graceMs: number };
  readonly compression: { readonly level: number; readonly engine: EngineChoice };
  readonly verify: 'content' | 'stored';
  readonly diskBudget: DiskBudgetConfig;
  readonly nightly: NightlyConfig;
  /** Who is told that a run begins and ends. The URL is a secret. */
  readonly healthcheck: { readonly url?: string };
  /** Where the numbers of the last run are left for Prometheus. */
  readonly metrics: { readonly textfile?: string };
  /** Number of worker threads. */
  readonly jobs: number;
}

export interface NightlyConfig {
  /** `04:30`, or five cron fields. */
  readonly at: string;
  /** IANA name. Undefined: the zone of the machine. */
  readonly timeZone?: string;
  readonly jitterMs: number;
  /** Time between two drills. Absent: a night has none. */
  readonly drillEveryMs?: number;
  /** Whether a night deletes what is forgotten for longer than the grace. */
  readonly gc: boolean;
}

export interface DiskBudgetConfig {
  /** Absent: there is no budget. */
  readonly maxDiskBytes?: number;
  readonly highWater: HighWater;
  /** Idle time from which protected conversations may be trimmed for the budget. Absent: none is. */
  readonly protectedFloorMs?: number;
}

/** An absent age or count means that the rule is off. */
export interface RetentionConfig {
  readonly protectedPruneAfterMs?: number;
  readonly protectedRemoveAfterMs?: number;
  readonly modelRunPruneAfterMs?: number;
  readonly perKindMs: Readonly<Partial<Record<SessionKind, number>>>;
  readonly orphanPruneAfterMs?: number;
  readonly pruneAfterMs?: number;
  readonly maxEntries?: number;
  readonly minIdleMs: number;
}

export interface RestoreConfig {
  /** Longest time since the last activity of an archived conversation that a message brings back. Absent: none is. */
  readonly onMessageMs?: number;
  readonly deadlineMs: number;
}

/** Which layer a value came from; a later one wins over an earlier one. */
export type Origin = 'default' | 'file' | 'environment' | 'flag';
