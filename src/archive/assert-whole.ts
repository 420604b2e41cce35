import { ClawbackError } from '../errors.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { fileSlices } from '../packs/file-ranges.ts';
import type { Archive } from './archive.ts';

/**
 * Looks whether every pack of the batch is there with the size that was stored, and has room for every file.
 * @throws {ClawbackError} `object-not-found`, `object-corrupt`, `manifest-invalid`, or whatever the archive answers.
 */
export async function assertPacksWhole(
  { objects }: Archive,
  { packs, sessions }: Manifest,
  signal?: AbortSignal,
): Promise<void> {
  for (const pack of packs) {
    const { size } = await objects.stat(pack.key, signal);
    if (size !== pack.storedBytes) {
      throw new ClawbackError(
        'object-corrupt',
        `look at pack ${pack.key}: it holds ${size} bytes, its manifest says ${pack.storedBytes}`,
        { hint: 'restore the bucket from a copy if you have one; run clawback verify' },
      );
    }
    for (const { files } of sessions) for (const file of files) fileSlices(pack, file);
  }
}
