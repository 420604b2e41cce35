import type { Archive } from '../archive/archive.ts';
import type { Leases } from '../leases/leases.ts';
import type { FileFolders } from '../manifest/file-place.ts';
import type { ArchivePlan } from '../plan/plan.ts';
import type { OnProgress } from '../progress.ts';
import type { RunTally } from '../report.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { BatchOptions } from '../ship/batches.ts';
import type { Shipper } from '../ship/shipper.ts';

/** One store that a run works on. */
export interface LineStore extends FileFolders {
  readonly id: string;
  readonly sessions: SessionStore;
  /**
   * Scans and plans afresh: before the run, and again before every commit.
   * @param ownLocks names of lock files that we hold ourselves: they keep nothing.
   */
  plan(ownLocks?: ReadonlySet<string>): Promise<ArchivePlan>;
  /** Whether tombstones of conversations that were archived long ago go too. */
  readonly retiresTombstones: boolean;
  /** @throws {ClawbackError} if a gateway has come up, or our lock or lease is gone: then nothing may be committed. */
  assertMayCommit(): Promise<void>;
}

export interface Line {
  readonly stores: readonly LineStore[];
  readonly archive: Archive;
  /** Of all these stores. */
  readonly leases: Pick<Leases, 'assertHeld'>;
  readonly shipper: Shipper;
  readonly tally: RunTally;
  readonly batching: BatchOptions;
  readonly level: number;
  /** Told at the start, of every frame that is stored or read back, and of every commit. */
  readonly onProgress?: OnProgress;
}
