import type { BatchRevision } from '../manifest/keys.ts';
import { isNotFound } from './read-objects.ts';

/** Of an `Archive`. */
interface Revisions {
  revisionOf(batchId: string, signal?: AbortSignal): Promise<number | undefined>;
}

/**
 * Reads of a batch beside a `gc`, which may put another revision in its place meanwhile: then that one is read.
 * @returns undefined where nothing is left of the batch.
 * @throws what `read` throws; `object-not-found` only where the batch still is the revision that lacks an object.
 */
export async function whileReplaced<T>(
  archive: Revisions,
  { batchId, revision }: BatchRevision,
  read: (revision: number) => Promise<T>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  for (let at: number | undefined = revision; at !== undefined; ) {
    try {
      return await read(at);
    } catch (error) {
      at = await replacedBy(archive, { batchId, revision: at }, error, signal);
    }
  }
  return undefined;
}

/**
 * What the batch is by now, where that is why one of its objects was not found; undefined where nothing is left of it.
 * Manifests go before their packs: whoever misses a pack finds what has taken its place.
 * @throws the error itself where it says something else.
 */
export async function replacedBy(
  archive: Revisions,
  { batchId, revision }: BatchRevision,
  error: unknown,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const now = isNotFound(error) ? await archive.revisionOf(batchId, signal) : revision;
  if (now === revision) throw error;
  return now;
}
