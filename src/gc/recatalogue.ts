import type { CatalogueObject } from '../archive/archive.ts';
import { isClawbackError } from '../errors.ts';
import { type CatalogueRow, catalogueRows } from '../manifest/catalogue.ts';
import { catalogueKey, manifestKey, packPrefix } from '../manifest/keys.ts';
import { deleteObject, type GcContext } from './gc-context.ts';
import { isOfBatch } from './of-batch.ts';

/** Lines of one new catalogue object: some tens of MB before compression. */
const LINES_AT_ONCE = 100_000;

/**
 * Replaces every catalogue object that speaks of a batch as it no longer is: first one with the lines that hold, read
 * back, then the old ones go. In between a batch is named twice, never not at all: a run would take it for unfinished.
 * At last the manifests go that say that their batch holds nothing any more.
 */
export async function recatalogue(context: GcContext): Promise<void> {
  const { archive, tally } = context;
  const { objects } = await readCatalogue(context);
  const { stale, lines } = await sortOut(context, objects);
  for (let at = 0; at < lines.length; at += LINES_AT_ONCE) {
    await archive.writeCatalogueRows(context.newRunId(), lines.slice(at, at + LINES_AT_ONCE), context.level);
    tally.counts.objectsWritten += 1;
  }
  for (const { runId } of stale) await deleteObject(context, catalogueKey(archive.instance, runId));
  await deleteEmptied(context);
}

interface ReadCatalogue {
  /** Those that can be read. */
  readonly objects: readonly CatalogueObject[];
  readonly isWhole: boolean;
}

/** Damage has been told by whoever planned the collection. */
async function readCatalogue({ archive, signal }: GcContext): Promise<ReadCatalogue> {
  let isWhole = true;
  const onDamage = () => {
    isWhole = false;
  };
  const objects = await archive.catalogueObjects({ onDamage, ...(signal ? { signal } : {}) });
  return { objects, isWhole };
}

/** The objects that have to go, and the lines that must not go with them. */
async function sortOut(
  context: GcContext,
  objects: readonly CatalogueObject[],
): Promise<{ stale: readonly CatalogueObject[]; lines: readonly CatalogueRow[] }> {
  const batches = await context.archive.batches(context.signal);
  const newestOf = (row: CatalogueRow) => batches.get(row.batch_id)?.at(-1);
  // A batch without any manifest is a loss that its line bears witness to: the line stays.
  const isStale = (row: CatalogueRow) => newestOf(row) !== undefined && newestOf(row) !== row.revision;
  const batchIds = new Set(objects.flatMap(({ rows }) => rows.filter(isStale).map((row) => row.batch_id)));
  const fresh = await readBatches(context, batchIds);
  const isReplaceable = (row: CatalogueRow) => !isStale(row) || fresh.has(row.batch_id);
  const stale = objects.filter(({ rows }) => rows.some(isStale) && rows.every(isReplaceable));
  const going = new Set(stale);
  const holding = objects.filter((one) => !going.has(one)).flatMap(({ rows }) => rows);
  const held = new Set(holding.filter((row) => !isStale(row)).map((row) => row.archive_id));
  const candidates = stale.flatMap(({ rows }) =>
    rows.flatMap((row) => (isStale(row) ? (fresh.get(row.batch_id) ?? []) : [row])),
  );
  const lines = new Map(candidates.map((row) => [row.archive_id, row]));
  return { stale, lines: [...lines.values()].filter((row) => !held.has(row.archive_id)) };
}

/** Lines of the batches as they are now. One that cannot be read keeps its old lines. */
async function readBatches(
  { archive, signal, tally }: GcContext,
  batchIds: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly CatalogueRow[]>> {
  const fresh = new Map<string, readonly CatalogueRow[]>();
  for (const batchId of batchIds) {
    try {
      fresh.set(batchId, catalogueRows(await archive.manifest(batchId, signal)));
    } catch (error) {
      if (!isClawbackError(error) || !isOfBatch(error)) throw error;
      tally.problem(`catalogue lines of batch ${batchId}`, error);
    }
  }
  return fresh;
}

/** The last that is left of a batch, once neither a pack nor a line of the catalogue speaks of it. */
async function deleteEmptied(context: GcContext): Promise<void> {
  const { archive, signal, tally } = context;
  const [{ objects, isWhole }, batches] = await Promise.all([
    readCatalogue(context),
    archive.batches(signal),
  ]);
  // What cannot be read may still name them.
  if (!isWhole) return;
  const named = new Set(objects.flatMap(({ rows }) => rows.map((row) => row.batch_id)));
  for (const [batchId, [revision = 0, ...others]] of batches) {
    if (revision === 0 || others.length > 0 || named.has(batchId)) continue;
    try {
      const { sessions } = await archive.manifestAt({ batchId, revision }, signal);
      if (sessions.length > 0 || (await hasPack(context, batchId))) continue;
    } catch (error) {
      if (!isClawbackError(error) || !isOfBatch(error)) throw error;
      tally.problem(`batch ${batchId}`, error);
      continue;
    }
    await deleteObject(context, manifestKey(archive.instance, batchId, revision));
  }
}

async function hasPack({ archive, signal }: GcContext, batchId: string): Promise<boolean> {
  for await (const _pack of archive.objects.list(`${packPrefix(archive.instance)}${batchId}.`, signal))
    return true;
  return false;
}
