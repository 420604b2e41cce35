import { type ErrorData, toErrorData } from './errors.ts';
import type { ArchivePlan } from './plan/plan.ts';
import type { KeepReason, SelectReason } from './plan/reasons.ts';
import type { Reclaimed } from './reclaim/reclaim.ts';
import type { Retired, TombstoneKept } from './retire/retire-tombstones.ts';
import type { LeftFile } from './settle/left-file.ts';
import type { Batch } from './ship/batches.ts';
import type { ShipReport } from './ship/task.ts';
import type { Abandoned, CommittedSession } from './tombstone/committed.ts';

/** Rows and files of a plan, counted the way operators ask. */
export interface PlanCounts {
  readonly rows: number;
  readonly protectedRows: number;
  readonly selectedRows: number;
  readonly selectedFiles: number;
  readonly selectedBytes: number;
  /** Tombstones whose rows go. */
  readonly retiredTombstones: number;
  readonly bySelectReason: Partial<Record<SelectReason, number>>;
  readonly keptRows: number;
  readonly keptByReason: Partial<Record<KeepReason, number>>;
  readonly protectedKeptByReason: Partial<Record<KeepReason, number>>;
}

export function countPlans(plans: readonly ArchivePlan[]): PlanCounts {
  const selected = plans.flatMap((plan) => plan.selected);
  const retired = plans.flatMap((plan) => plan.retired);
  const kept = plans.flatMap((plan) => plan.kept);
  const files = selected.flatMap((session) => session.files);
  const withRow = selected.filter((session) => session.row !== null);
  return {
    rows: withRow.length + retired.length + kept.length,
    protectedRows: [...withRow, ...kept].filter((row) => row.protected).length + retired.length,
    selectedRows: withRow.length,
    selectedFiles: files.length,
    selectedBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    retiredTombstones: retired.length,
    bySelectReason: tally([...selected, ...retired].map((one) => one.reason)),
    keptRows: kept.length,
    keptByReason: tally(kept.map((row) => row.reason)),
    protectedKeptByReason: tally(kept.filter((row) => row.protected).map((row) => row.reason)),
  };
}

export function tally<K extends string>(values: readonly K[]): Partial<Record<K, number>> {
  const counts: Partial<Record<K, number>> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** Something that is not of one session. */
export interface Problem {
  readonly what: string;
  readonly error: ErrorData;
}

export interface SessionFailure {
  readonly sessionKey: string | null;
  readonly sessionId: string | null;
  readonly error: ErrorData;
}

/** A session that was archived, or was to be, and stays: nothing is wrong, the next run looks again. */
export interface LeftAlone {
  readonly sessionKey: string | null;
  readonly sessionId: string | null;
  readonly why: Abandoned['why'];
}

/** What a run did. Counts are of things done, bytes are measured. */
export interface RunCounts {
  modelRunRowsRemoved: number;
  ordinaryRowsPruned: number;
  ordinaryRowsCapped: number;
  protectedRowsTrimmed: number;
  orphanSessionsArchived: number;
  /** Conversations that stay, and whose flight recorder went. */
  trajectorySessionsArchived: number;
  filesArchived: number;
  rawBytes: number;
  storedBytes: number;
  objects: number;
  filesReclaimed: number;
  freedBytes: number;
  /** Rows of tombstones of conversations archived long ago. */
  tombstonesRemoved: number;
  /** Attempts of commits that met another writer of the store and were made again. */
  commitRetries: number;
  /** Of all these, the sessions that an earlier run had archived and this one finished. */
  recoveredSessions: number;
}

export const NOTHING_DONE: Readonly<RunCounts> = {
  modelRunRowsRemoved: 0,
  ordinaryRowsPruned: 0,
  ordinaryRowsCapped: 0,
  protectedRowsTrimmed: 0,
  orphanSessionsArchived: 0,
  trajectorySessionsArchived: 0,
  filesArchived: 0,
  rawBytes: 0,
  storedBytes: 0,
  objects: 0,
  filesReclaimed: 0,
  freedBytes: 0,
  tombstonesRemoved: 0,
  commitRetries: 0,
  recoveredSessions: 0,
};

/** Gathers the outcome of a run as it goes. */
export class RunTally {
  readonly counts: RunCounts = { ...NOTHING_DONE };
  readonly failures: SessionFailure[] = [];
  readonly leftAlone: LeftAlone[] = [];
  /** What went wrong beside single sessions: a damaged batch of an earlier run, a catalogue that could not be written. */
  readonly problems: Problem[] = [];
  readonly filesLeft: LeftFile[] = [];
  /** Tombstones that were due and stay. */
  readonly tombstonesKept: TombstoneKept[] = [];
  /** Archive ids chosen by `retention.maxEntries`, to tell capped rows from pruned ones. */
  readonly #capped = new Set<string>();
  readonly #recovered = new Set<string>();

  /** Sessions whose rows were changed or whose loose files went. */
  get finishedSessions(): number {
    const { counts } = this;
    return (
      counts.modelRunRowsRemoved +
      counts.ordinaryRowsPruned +
      counts.ordinaryRowsCapped +
      counts.protectedRowsTrimmed +
      counts.orphanSessionsArchived +
      counts.trajectorySessionsArchived
    );
  }

  /** @param isAgain the same sessions a second time in one run: their files are counted already, the new objects are not. */
  shipped(batch: Batch, report: ShipReport, isAgain = false): void {
    for (const { index, files } of report.shipped) {
      if (!isAgain) this.counts.filesArchived += files.length;
      const archiveId = batch.task.sessions[index]?.entry.archiveId;
      if (batch.planned[index]?.reason === 'ordinary-cap' && archiveId !== undefined)
        this.#capped.add(archiveId);
    }
    if (!isAgain) this.counts.rawBytes += report.rawBytes;
    this.counts.storedBytes += report.storedBytes;
    this.counts.objects += report.objects;
    for (const { index, error } of report.skipped) {
      if (error.code === 'source-changed') this.#leave(batch, index);
      else this.#fail(batch, index, error);
    }
  }

  failed(batch: Batch, error: ErrorData): void {
    for (const index of batch.planned.keys()) this.#fail(batch, index, error);
  }

  problem(what: string, error: unknown): void {
    this.problems.push({ what, error: toErrorData(error) });
  }

  /** Archived, but the store could not be changed: the next run finishes these. */
  uncommitted(sessions: readonly CommittedSession[], error: ErrorData): void {
    for (const { entry } of sessions) {
      if (entry.action !== 'files')
        this.failures.push({ sessionKey: entry.sessionKey, sessionId: entry.sessionId, error });
    }
  }

  retired({ removed, kept }: Retired): void {
    this.counts.tombstonesRemoved += removed;
    this.tombstonesKept.push(...kept);
  }

  /** Rows changed for good, or loose files archived, and what became of the files. */
  finished(sessions: readonly CommittedSession[], reclaimed: Reclaimed): void {
    const { counts } = this;
    for (const { entry } of sessions) {
      if (entry.action === 'files' && entry.kind === 'orphan') counts.orphanSessionsArchived += 1;
      else if (entry.action === 'files') counts.trajectorySessionsArchived += 1;
      else if (entry.action === 'trim') counts.protectedRowsTrimmed += 1;
      else if (entry.kind === 'model-run') counts.modelRunRowsRemoved += 1;
      else if (this.#capped.has(entry.archiveId)) counts.ordinaryRowsCapped += 1;
      else counts.ordinaryRowsPruned += 1;
      if (this.#recovered.has(entry.archiveId)) counts.recoveredSessions += 1;
    }
    this.reclaimed(reclaimed);
  }

  /** Files that are gone, or were to be. */
  reclaimed({ files, freedBytes, left }: Reclaimed): void {
    this.counts.filesReclaimed += files;
    this.counts.freedBytes += freedBytes;
    this.left(left);
  }

  /** Files that stay. One that could not be removed, and could not be put back then, is told of once. */
  left(files: readonly LeftFile[]): void {
    const told = new Set(this.filesLeft.filter(({ isFailure }) => isFailure).map(({ name }) => name));
    this.filesLeft.push(...files.filter(({ name }) => !told.has(name)));
  }

  abandoned(abandoned: readonly Abandoned[]): void {
    for (const { session, why } of abandoned) {
      const { sessionKey, sessionId } = session.entry;
      this.leftAlone.push({ sessionKey, sessionId, why });
    }
  }

  /** What an earlier run had archived: counted as such when it is finished. */
  recovering(sessions: readonly CommittedSession[]): void {
    for (const { entry } of sessions) this.#recovered.add(entry.archiveId);
  }

  #fail(batch: Batch, index: number, error: ErrorData): void {
    const { sessionKey = null, sessionId = null } = batch.planned[index] ?? {};
    this.failures.push({ sessionKey, sessionId, error });
  }

  #leave(batch: Batch, index: number): void {
    const { sessionKey = null, sessionId = null } = batch.planned[index] ?? {};
    this.leftAlone.push({ sessionKey, sessionId, why: 'files-changed' });
  }
}
