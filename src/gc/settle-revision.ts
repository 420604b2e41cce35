import { assertPacksWhole } from '../archive/assert-whole.ts';
import { ClawbackError, isClawbackError } from '../errors.ts';
import { manifestKey } from '../manifest/keys.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { verifyContent } from '../verify/verify-pack.ts';
import { deleteObject, type GcContext } from './gc-context.ts';
import { isOfBatch } from './of-batch.ts';

/**
 * Decides between two revisions of a batch, by the marks as they are at this moment. If all that the newer one lacks is
 * still forgotten and the newer one is whole, the older one goes; otherwise the newer one does, and the batch is what it
 * was: the older one holds all of it and more. Whichever stays is proven before anything of the other is deleted, the
 * manifest first: whoever sees one can restore it.
 *
 * @param proof `content` reads the newer pack back: it was written by a process that died since.
 * @returns the revision that stands.
 */
export async function settleRevision(
  context: GcContext,
  older: Manifest,
  newer: Manifest,
  proof: Proof,
): Promise<Manifest> {
  const { archive, signal } = context;
  const marks = await archive.marks(signal ? { signal } : {});
  const held = new Set(newer.sessions.map(({ archiveId }) => archiveId));
  assertPartOf(older, held);
  const missing = older.sessions.filter(({ archiveId }) => !held.has(archiveId));
  const isForgotten = missing.every(({ archiveId }) => marks.isForgotten(archiveId));
  if (isForgotten && (await isWhole(context, newer, proof))) {
    await deleteRevision(context, older);
    return newer;
  }
  await assertWhole(context, older, 'content');
  await deleteRevision(context, newer);
  return older;
}

type Proof = 'content' | 'size';

async function isWhole(context: GcContext, manifest: Manifest, proof: Proof): Promise<boolean> {
  try {
    await assertWhole(context, manifest, proof);
    return true;
  } catch (error) {
    // What is cold is not damaged: it has to be thawed, and then it is seen.
    if (!isClawbackError(error) || !isOfBatch(error) || error.code === 'object-cold') throw error;
    context.tally.problem(`revision ${manifest.revision ?? 0} of batch ${manifest.batchId}`, error);
    return false;
  }
}

/** @throws {ClawbackError} `manifest-invalid`: gc never adds anything to a batch. */
function assertPartOf({ batchId, sessions }: Manifest, held: ReadonlySet<string>): void {
  const all = new Set(sessions.map(({ archiveId }) => archiveId));
  if ([...held].every((archiveId) => all.has(archiveId))) return;
  throw new ClawbackError(
    'manifest-invalid',
    `settle batch ${batchId}: its newer revision holds a session that its older one never had`,
    { hint: 'both are kept; an object was copied or replayed: run clawback verify' },
  );
}

/** Read once more from the archive itself: what we remember of it proves nothing. */
export async function assertWhole(
  { archive, signal }: GcContext,
  { batchId, revision = 0 }: Manifest,
  proof: Proof,
): Promise<void> {
  const manifest = await archive.manifestAt({ batchId, revision }, signal);
  await assertPacksWhole(archive, manifest, signal);
  if (proof === 'size') return;
  const files = manifest.sessions.flatMap((session) => session.files);
  for (const pack of manifest.packs) await verifyContent(archive.objects, archive.codec, pack, files, signal);
}

async function deleteRevision(
  context: GcContext,
  { instance, batchId, revision, packs }: Manifest,
): Promise<void> {
  await deleteObject(context, manifestKey(instance, batchId, revision));
  for (const { key, storedBytes } of packs) await deleteObject(context, key, storedBytes);
}
