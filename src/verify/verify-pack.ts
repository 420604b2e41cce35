import { createHash, type Hash } from 'node:crypto';
import type { Codec } from '../codec/codec.ts';
import { ClawbackError } from '../errors.ts';
import type { ManifestFile, ManifestPack } from '../manifest/manifest.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { fileSlices } from '../packs/file-ranges.ts';
import { PackReader } from '../packs/pack-reader.ts';

/**
 * Reads the stored pack back, decodes it and compares everything with what was recorded: stored bytes,
 * frame sizes, and the SHA-256 of every file.
 * @throws {ClawbackError} `object-corrupt`, or whatever the archive answers.
 */
export async function verifyContent(
  objects: ObjectStore,
  codec: Codec,
  pack: ManifestPack,
  files: readonly ManifestFile[],
  signal?: AbortSignal,
  onFrame?: (rawBytes: number) => void,
): Promise<void> {
  const slices = slicesByFrame(pack, files);
  const hashes: (Hash | undefined)[] = files.map((file) =>
    file.place === null ? undefined : createHash('sha256'),
  );
  const stored = createHash('sha256');
  let frame = 0;
  for await (const { stored: bytes, raw } of new PackReader(objects, codec, pack).frames(signal)) {
    stored.update(bytes);
    for (const { file, offset, length } of slices.get(frame) ?? [])
      hashes[file]?.update(raw.subarray(offset, offset + length));
    frame += 1;
    onFrame?.(raw.length);
  }
  if (stored.digest('hex') !== pack.sha256)
    throw corrupt(pack, 'its stored bytes are not the ones that were sent');
  const wrong = hashes.findIndex(
    (hash, index) => hash !== undefined && hash.digest('hex') !== files[index]?.sha256,
  );
  if (wrong >= 0) throw corrupt(pack, `file ${wrong} of ${files.length} does not decode to what was read`);
}

/**
 * Compares the stored bytes only. A SHA-256 that the server itself computed stands in for reading them back.
 * @throws {ClawbackError} `object-corrupt`, or whatever the archive answers.
 */
export async function verifyStored(
  objects: ObjectStore,
  pack: ManifestPack,
  signal?: AbortSignal,
): Promise<void> {
  const stat = await objects.stat(pack.key, signal);
  if (stat.size !== pack.storedBytes)
    throw corrupt(pack, `it holds ${stat.size} bytes, not ${pack.storedBytes}`);
  const sha256 = stat.sha256 ?? (await hashStored(objects, pack, signal));
  if (sha256 !== pack.sha256) throw corrupt(pack, 'its stored bytes are not the ones that were sent');
}

const READ_BYTES = 8 * 1024 * 1024;

async function hashStored(objects: ObjectStore, pack: ManifestPack, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for (let offset = 0; offset < pack.storedBytes; offset += READ_BYTES) {
    const length = Math.min(READ_BYTES, pack.storedBytes - offset);
    hash.update(await objects.get(pack.key, { offset, length }, signal));
  }
  return hash.digest('hex');
}

function slicesByFrame(pack: ManifestPack, files: readonly ManifestFile[]) {
  const byFrame = new Map<number, { file: number; offset: number; length: number }[]>();
  for (const [index, file] of files.entries()) {
    for (const { frame, offset, length } of fileSlices(pack, file)) {
      const slices = byFrame.get(frame);
      if (slices === undefined) byFrame.set(frame, [{ file: index, offset, length }]);
      else slices.push({ file: index, offset, length });
    }
  }
  return byFrame;
}

function corrupt(pack: ManifestPack, why: string): ClawbackError {
  return new ClawbackError('object-corrupt', `verify pack ${pack.key}: ${why}`, {
    hint: 'no local file was removed on the strength of this pack; check the storage, then run again',
    retryable: true,
  });
}
