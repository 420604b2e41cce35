import { ClawbackError } from '../errors.ts';
import { manifestKey } from '../manifest/keys.ts';
import { decodeManifest, encodeManifest, type Manifest } from '../manifest/manifest.ts';
import type { Archive } from './archive.ts';

/**
 * Writes the commit record and reads it back: from here on the batch is what it says. Returns its stored size.
 * @param assertMayCommit asked right before.
 * @throws {ClawbackError} `object-exists` if another manifest has its place, `object-corrupt` if it does not come back.
 */
export async function putManifest(
  { objects, codec }: Pick<Archive, 'objects' | 'codec'>,
  manifest: Manifest,
  level: number,
  assertMayCommit: () => Promise<void>,
): Promise<number> {
  const key = manifestKey(manifest.instance, manifest.batchId, manifest.revision);
  const raw = encodeManifest(manifest);
  // What could not be read again must not commit anything, nor lie in the archive as a damaged batch for ever.
  decodeManifest(raw, key);
  const frame = codec.compress(raw, level);
  await assertMayCommit();
  await objects.put(key, frame);
  const back = codec.decompress(await objects.get(key), raw.length);
  if (Buffer.compare(back, raw) === 0) return frame.length;
  throw new ClawbackError('object-corrupt', `read back manifest ${key}: it is not what was written`, {
    hint: 'nothing was removed; check the storage, then run again',
  });
}
