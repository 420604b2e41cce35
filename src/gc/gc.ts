import type { Archive, OnDamage } from '../archive/archive.ts';
import { ClawbackError, isClawbackError } from '../errors.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import { PACK_SUFFIX, packPrefix, parseRevisionKey } from '../manifest/keys.ts';
import { type BatchToCollect, collectBatch } from './collect-batch.ts';
import { type GcContext, type GcOptions, GcTally } from './gc-context.ts';
import { isOfBatch } from './of-batch.ts';
import { recatalogue } from './recatalogue.ts';

/** What a collection would do now. */
export interface GcPlan {
  /** Generations that go, as the catalogue has them. */
  readonly due: readonly CatalogueRow[];
  /** Of those, in batches that a run has not finished with: they stay. */
  readonly unfinished: readonly CatalogueRow[];
  /** Forgotten, and not for the whole grace yet. */
  readonly waiting: readonly CatalogueRow[];
  /** When the first of those is due, in epoch milliseconds. */
  readonly nextDueMs: number | undefined;
  /** Batches to look into: those of what goes, and those that an earlier collection has left. */
  readonly batches: readonly BatchToCollect[];
  /** Batches of `due` in which others go on: their packs are written anew. */
  readonly rewrites: number;
  /** What could not be read: whether anything in it is due, nobody knows. */
  readonly damaged: readonly { readonly what: string; readonly error: ClawbackError }[];
}

/** Reads only. @throws {ClawbackError} `mark-unreadable`: then nobody knows what may go. */
export async function planGc(
  archive: Archive,
  { nowMs, graceMs, signal }: Pick<GcOptions, 'nowMs' | 'graceMs' | 'signal'>,
): Promise<GcPlan> {
  const options = signal ? { signal } : {};
  const marks = await archive.marks(options);
  const damaged: GcPlan['damaged'][number][] = [];
  const onDamage: OnDamage = (what, error) => void damaged.push({ what, error });
  const rows = await archive.catalogue({ ...options, onDamage });
  const [catalogued, batches, packs] = await Promise.all([
    // Its damage has been told by now.
    archive.cataloguedRows({ ...options, onDamage: () => {} }),
    archive.batches(signal),
    archive.packs(signal),
  ]);
  const named = new Set(catalogued.map((row) => row.batch_id));
  const isDue = new Set(marks.due(nowMs, graceMs));
  const due = rows.filter((row) => isDue.has(row.archive_id));
  const waiting = rows.filter((row) => marks.isForgotten(row.archive_id) && !isDue.has(row.archive_id));
  const finished = due.filter((row) => named.has(row.batch_id));
  const going = new Set(finished.map((row) => row.archive_id));
  const shared = new Set(rows.filter((row) => !going.has(row.archive_id)).map((row) => row.batch_id));
  const ofDue = new Set(finished.map((row) => row.batch_id));
  const touched = new Set([
    ...due.map((row) => row.batch_id),
    ...leftOvers(archive.instance, batches, packs),
  ]);
  const dueAtMs = waiting.map((row) => marks.deletableFromMs(row.archive_id, graceMs) ?? nowMs);
  return {
    due: finished,
    unfinished: due.filter((row) => !named.has(row.batch_id)),
    waiting,
    nextDueMs: dueAtMs.length === 0 ? undefined : dueAtMs.reduce((a, b) => Math.min(a, b)),
    batches: [...batches].flatMap(([batchId, revisions]) =>
      touched.has(batchId) ? [{ batchId, revisions, isCatalogued: named.has(batchId) }] : [],
    ),
    rewrites: [...ofDue].filter((batchId) => shared.has(batchId)).length,
    damaged,
  };
}

/** Batches with two manifests, or a pack that is not of the one they have. */
function leftOvers(
  instance: string,
  batches: ReadonlyMap<string, readonly number[]>,
  packs: readonly { readonly key: string }[],
): string[] {
  const prefix = packPrefix(instance);
  const ofPacks = packs.flatMap(({ key }) => {
    const named = parseRevisionKey(key, prefix, PACK_SUFFIX);
    return named !== undefined && batches.get(named.batchId)?.at(-1) !== named.revision
      ? [named.batchId]
      : [];
  });
  return [...ofPacks, ...[...batches].flatMap(([id, revisions]) => (revisions.length > 1 ? [id] : []))];
}

/**
 * Deletes what has been forgotten for the whole grace, and finishes what an earlier collection has left. What it cannot
 * judge stays, and is in the tally.
 *
 * @throws {ClawbackError} `mark-unreadable` before anything is deleted; `interrupted`; whatever the archive answers, or
 * `assertMayDelete` throws: the next collection goes on from there.
 */
export async function collectGarbage(archive: Archive, options: GcOptions): Promise<GcTally> {
  const { nowMs, graceMs, signal } = options;
  const tally = new GcTally();
  const context: GcContext = { ...options, archive, tally };
  const plan = await planGc(archive, options);
  for (const { what, error } of plan.damaged) tally.problem(what, error);
  const marks = await archive.marks(signal ? { signal } : {});
  const due = new Set(marks.due(nowMs, graceMs));
  for (const batch of plan.batches) {
    if (signal?.aborted) throw interrupted(tally);
    try {
      await collectBatch(context, batch, due);
    } catch (error) {
      if (signal?.aborted) throw interrupted(tally);
      if (!isClawbackError(error) || !isOfBatch(error)) throw error;
      tally.problem(`batch ${batch.batchId}`, error);
    }
  }
  await recatalogue(context);
  return tally;
}

function interrupted({ deleted }: GcTally): ClawbackError {
  return new ClawbackError('interrupted', `gc: interrupted after ${deleted.length} sessions`, {
    hint: 'run again: it goes on where it stopped',
  });
}
