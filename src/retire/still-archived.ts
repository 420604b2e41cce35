import type { Archive } from '../archive/archive.ts';
import { assertPacksWhole } from '../archive/assert-whole.ts';
import { ClawbackError, type ErrorCode } from '../errors.ts';
import type { ManifestSession } from '../manifest/manifest.ts';

/** Told of a batch that the archive no longer holds whole. */
export type OnBrokenBatch = (what: string, error: ClawbackError) => void;

/** The archive answers, and what it answers is not what was stored there. Anything else may pass by itself. */
const BROKEN = new Set<ErrorCode>([
  'object-not-found',
  'object-corrupt',
  'frame-corrupt',
  'manifest-invalid',
  'manifest-newer',
]);

/**
 * The sessions of a batch, by archive id, as the archive holds them now: manifest read, every pack there with the size
 * that was stored. A batch that is damaged, gone, or of another store has none.
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
    if (!(error instanceof ClawbackError) || !BROKEN.has(error.code)) throw error;
    onBrokenBatch(`batch ${batchId}, which tombstones stand for`, error);
    return new Map();
  }
}
