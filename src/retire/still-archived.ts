import type { Archive } from '../archive/archive.ts';
import { assertPacksWhole } from '../archive/assert-whole.ts';
import { ClawbackError } from '../errors.ts';
import type { ManifestSession } from '../manifest/manifest.ts';
import { ARCHIVE_DAMAGE } from '../recover/damage.ts';

/** Told of a batch that the archive no longer holds whole. */
export type OnBrokenBatch = (what: string, error: ClawbackError) => void;

/**
 * The sessions of a batch, by archive id, as the archive holds them now: manifest read, every pack there with the size
 * that was stored. Packs are not read: they may be cold. A batch that is damaged, gone, or of another store has none.
 *
 * @throws {ClawbackError} if the archive does not answer.
 */
export async function readStillArchived(
  archive: Archive,
  batchId: string,
  storeId: string,
  onBrokenBatch: OnBrokenBatch,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, ManifestSession>> {
  try {
    const manifest = await archive.manifest(batchId, signal);
    if (manifest.source.storeId !== storeId) return new Map();
    await assertPacksWhole(archive, manifest, signal);
    return new Map(manifest.sessions.map((session) => [session.archiveId, session]));
  } catch (error) {
    if (!(error instanceof ClawbackError) || !ARCHIVE_DAMAGE.has(error.code)) throw error;
    onBrokenBatch(`batch ${batchId}, which tombstones stand for`, error);
    return new Map();
  }
}
