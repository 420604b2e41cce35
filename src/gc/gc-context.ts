import type { Archive } from '../archive/archive.ts';
import type { ClawbackError, ErrorData } from '../errors.ts';
import { toErrorData } from '../errors.ts';

export interface GcOptions {
  readonly nowMs: number;
  /** How long a generation must have been forgotten. */
  readonly graceMs: number;
  /** Of new packs, manifests and catalogues. */
  readonly level: number;
  /** A run id that no object has yet, for a new catalogue object. */
  readonly newRunId: () => string;
  /**
   * Asked before each deletion, and before each manifest that commits one.
   * @throws {ClawbackError} if this process may not delete from the archive any more.
   */
  readonly assertMayDelete: () => Promise<void>;
  /** Whose leases are held. Batches of other stores are left alone: they have come to the archive since. */
  readonly storeIds: ReadonlySet<string>;
  readonly signal?: AbortSignal | undefined;
}

/** What every step of a collection works with. */
export interface GcContext extends GcOptions {
  readonly archive: Archive;
  readonly tally: GcTally;
}

/** A generation that is forgotten, due, and stays for now. */
export interface GcKept {
  readonly archiveId: string;
  /** `put-off`: its batch was put back as it was, for another session's sake or because its new pack was no good. */
  readonly why: 'unfinished-run' | 'store-not-held' | 'not-forgotten-any-more' | 'put-off';
}

export class GcTally {
  readonly deleted: string[] = [];
  readonly kept: GcKept[] = [];
  readonly problems: { readonly what: string; readonly error: ErrorData }[] = [];
  readonly counts = {
    /** Batches of which nothing stays. */
    batchesDeleted: 0,
    /** Batches that others go on in. */
    batchesRewritten: 0,
    objectsWritten: 0,
    objectsDeleted: 0,
    /** Stored bytes of packs that are gone, less those of packs that took their place. */
    freedBytes: 0,
  };

  problem(what: string, error: ClawbackError): void {
    this.problems.push({ what, error: toErrorData(error) });
  }
}

/** The only place where anything is deleted from an archive. */
export async function deleteObject(context: GcContext, key: string, packBytes = 0): Promise<void> {
  await context.assertMayDelete();
  await context.archive.objects.delete(key, context.signal);
  context.tally.counts.objectsDeleted += 1;
  context.tally.counts.freedBytes += packBytes;
}
