import type { Archive } from '../archive/archive.ts';
import { isClawbackError } from '../errors.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import { manifestKey, packKey } from '../manifest/keys.ts';
import { isUnreadable } from '../objects/cold.ts';
import { findCold } from '../thaw/cold-objects.ts';
import { pickSample } from './pick-sample.ts';

/** A sample, in the order of the rows, and how many of the rows were passed over because they lie in cold objects. */
export interface ReadableSample {
  readonly picked: readonly CatalogueRow[];
  readonly cold: number;
}

/** Draws until so many are found that can be read, or nothing is left. Where nothing is ever cold this is one draw. */
export async function pickReadable(
  archive: Archive,
  rows: readonly CatalogueRow[],
  { sample, random }: { readonly sample: number; readonly random: () => number },
  signal: AbortSignal,
): Promise<ReadableSample> {
  const isColdBatch = new Map<string, boolean>();
  const picked = new Set<CatalogueRow>();
  let left = rows;
  while (picked.size < sample && left.length > 0) {
    const drawn = pickSample(left, sample - picked.size, random);
    for (const row of drawn) {
      const { batch_id: batchId } = row;
      const isCold = isColdBatch.get(batchId) ?? (await isBatchCold(archive, row, signal));
      isColdBatch.set(batchId, isCold);
      if (!isCold) picked.add(row);
    }
    const wasDrawn = new Set(drawn);
    left = left.filter((row) => !wasDrawn.has(row) && isColdBatch.get(row.batch_id) !== true);
  }
  return {
    picked: rows.filter((row) => picked.has(row)),
    cold: rows.filter((row) => isColdBatch.get(row.batch_id) === true).length,
  };
}

async function isBatchCold(
  { instance, objects }: Archive,
  { batch_id: batchId, revision }: CatalogueRow,
  signal: AbortSignal,
): Promise<boolean> {
  const keys = [manifestKey(instance, batchId, revision), packKey(instance, batchId, revision)];
  try {
    return (await findCold(objects, keys, signal)).some(isUnreadable);
  } catch (error) {
    // Whatever is amiss is told by the restore that is tried next.
    if (isClawbackError(error) && !signal.aborted) return false;
    throw error;
  }
}
