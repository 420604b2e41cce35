import { type ErrorCode, isClawbackError } from '../errors.ts';
import { manifestKey, PACK_SUFFIX, packPrefix, parseRevisionKey } from '../manifest/keys.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { deleteObject, type GcContext } from './gc-context.ts';
import { reviseBatch } from './revise-batch.ts';
import { assertWhole, settleRevision } from './settle-revision.ts';

/** What there is of a batch, as it was listed. */
export interface BatchToCollect {
  readonly batchId: string;
  /** Ascending; more than one if a collection died before it had settled. */
  readonly revisions: readonly number[];
  /** A run that has not finished with it may still take it for the copy of files that it removes: then nothing goes. */
  readonly isCatalogued: boolean;
}

/**
 * Finishes what an earlier collection has left of a batch, then takes out what is due. Killed anywhere, it leaves a
 * batch whose highest revision is whole; the next collection goes on from there.
 */
export async function collectBatch(
  context: GcContext,
  { batchId, revisions, isCatalogued }: BatchToCollect,
  due: ReadonlySet<string>,
): Promise<void> {
  const { archive, tally, signal } = context;
  const read = (revision: number) => archive.manifestAt({ batchId, revision }, signal);
  let batch = await read(revisions[0] ?? 0);
  if (!context.storeIds.has(batch.source.storeId)) {
    const kept = batch.sessions.map(({ archiveId }) => archiveId).filter((id) => due.has(id));
    tally.kept.push(...kept.map((archiveId) => ({ archiveId, why: 'store-not-held' as const })));
    return;
  }
  for (const revision of revisions.slice(1)) {
    const newer = await unlessDamaged(context, batch, revision, () => read(revision));
    if (newer !== undefined) batch = await settleRevision(context, batch, newer, 'content');
  }
  await sweepPacks(context, batch);

  const gone = batch.sessions.map(({ archiveId }) => archiveId).filter((id) => due.has(id));
  if (gone.length === 0) return;
  if (!isCatalogued) {
    tally.kept.push(...gone.map((archiveId) => ({ archiveId, why: 'unfinished-run' as const })));
    return;
  }
  const next = (batch.revision ?? 0) + 1;
  const revised = await unlessDamaged(context, batch, next, () => reviseBatch(context, batch, new Set(gone)));
  if (revised === undefined) return sweepPacks(context, batch);
  const standing = await settleRevision(context, batch, revised, 'size');
  if (standing !== revised) {
    const marks = await archive.marks(signal ? { signal } : {});
    const why = (id: string) => (marks.isForgotten(id) ? 'put-off' : 'not-forgotten-any-more');
    tally.kept.push(...gone.map((archiveId) => ({ archiveId, why: why(archiveId) }) as const));
    return;
  }
  tally.deleted.push(...gone);
  tally.counts[revised.sessions.length === 0 ? 'batchesDeleted' : 'batchesRewritten'] += 1;
}

/**
 * A newer manifest that is damaged would hide the whole batch. The older one holds all of it and more, and is proven to
 * be there: the damaged one goes, as if it had never been.
 */
async function unlessDamaged(
  context: GcContext,
  older: Manifest,
  revision: number,
  newer: () => Promise<Manifest>,
): Promise<Manifest | undefined> {
  const { archive, tally, signal } = context;
  try {
    return await newer();
  } catch (error) {
    if (!isClawbackError(error) || !DAMAGE.has(error.code)) throw error;
    // Nothing was committed: there is nothing to take back.
    if (!(await archive.batches(signal)).get(older.batchId)?.includes(revision)) throw error;
    tally.problem(`revision ${revision} of batch ${older.batchId}`, error);
    await assertWhole(context, older, 'content');
    await deleteObject(context, manifestKey(archive.instance, older.batchId, revision));
    return undefined;
  }
}

const DAMAGE = new Set<ErrorCode>(['manifest-invalid', 'object-corrupt', 'frame-corrupt']);

/**
 * Packs of other revisions than the one that stands: one that was never committed, or one whose manifest has gone
 * already. Those of a batch without a manifest are not ours to judge.
 */
async function sweepPacks(context: GcContext, batch: Manifest): Promise<void> {
  const { archive, signal } = context;
  const prefix = packPrefix(archive.instance);
  const others: { key: string; size: number }[] = [];
  for await (const { key, size } of archive.objects.list(`${prefix}${batch.batchId}.`, signal)) {
    const named = parseRevisionKey(key, prefix, PACK_SUFFIX);
    if (named?.batchId === batch.batchId && named.revision !== (batch.revision ?? 0))
      others.push({ key, size });
  }
  if (others.length === 0) return;
  await assertWhole(context, batch, 'size');
  for (const { key, size } of others) await deleteObject(context, key, size);
}
