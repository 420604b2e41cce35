import { describe, expect, it } from 'vitest';
import type { ManifestFile, ManifestPack } from '../../src/manifest/manifest.ts';
import { assertFramesTile, fileSlices } from '../../src/packs/file-ranges.ts';
import { MAX_FRAME_BYTES } from '../../src/packs/frame-layout.ts';

/** Stored and raw bytes of each frame, one behind the other. */
function packOf(...sizes: readonly (readonly [storedBytes: number, rawBytes: number])[]): ManifestPack {
  let offset = 0;
  const frames = sizes.map(([storedBytes, rawBytes]) => {
    const frame = { offset, storedBytes, rawBytes };
    offset += storedBytes;
    return frame;
  });
  const rawBytes = sizes.reduce((sum, [, raw]) => sum + raw, 0);
  return {
    key: 'i/packs/p.tar.zst',
    storedBytes: offset,
    sha256: 'a'.repeat(64),
    rawBytes,
    engine: 'node',
    level: 3,
    encryption: 'none',
    frames,
  };
}

function fileAt(frame: number, offset: number, size: number): ManifestFile {
  return {
    name: 'a.jsonl',
    kind: 'transcript',
    size,
    sha256: 'a'.repeat(64),
    mode: 0o600,
    mtimeMs: 0,
    place: { frame, offset },
  };
}

const PACK = packOf([10, 100], [20, 200], [30, 300]);
const invalid = expect.objectContaining({ code: 'manifest-invalid' });

describe('a file in a pack', () => {
  it.each([
    ['inside one frame', fileAt(1, 50, 100), [{ frame: 1, offset: 50, length: 100 }]],
    ['up to the end of a frame', fileAt(0, 90, 10), [{ frame: 0, offset: 90, length: 10 }]],
    [
      'over frames',
      fileAt(0, 90, 220),
      [
        { frame: 0, offset: 90, length: 10 },
        { frame: 1, offset: 0, length: 200 },
        { frame: 2, offset: 0, length: 10 },
      ],
    ],
    ['from the very end of a frame', fileAt(0, 100, 5), [{ frame: 1, offset: 0, length: 5 }]],
    ['of no bytes', fileAt(0, 100, 0), []],
    ['whose bytes were not kept', { ...fileAt(0, 0, 5), place: null }, []],
  ])('%s', (_what, file, slices) => {
    expect(fileSlices(PACK, file)).toEqual(slices);
  });

  it.each([
    ['in a frame that there is not', fileAt(3, 0, 1)],
    ['behind the end of its frame', fileAt(0, 101, 1)],
    ['longer than the pack', fileAt(2, 0, 301)],
    ['of an absurd size', fileAt(0, 0, Number.MAX_SAFE_INTEGER)],
  ])('%s is refused', (_what, file) => {
    expect(() => fileSlices(PACK, file)).toThrowError(invalid);
  });
});

describe('the frames of a manifest', () => {
  it.each([[PACK], [packOf()], [packOf([MAX_FRAME_BYTES + 100, MAX_FRAME_BYTES])]])(
    'that tile the pack are accepted',
    (pack) => {
      expect(() => assertFramesTile(pack)).not.toThrow();
    },
  );

  it.each([
    ['with a gap', { ...PACK, frames: PACK.frames.filter((_frame, n) => n !== 1) }],
    ['that overlap', { ...PACK, frames: PACK.frames.map((frame) => ({ ...frame, offset: 0 })) }],
    [
      'that begin late',
      { ...PACK, frames: PACK.frames.map((frame) => ({ ...frame, offset: frame.offset + 1 })) },
    ],
    ['in another order', { ...PACK, frames: PACK.frames.toReversed() }],
    ['that end before the pack', { ...PACK, storedBytes: 61 }],
    ['that end behind the pack', { ...PACK, storedBytes: 59 }],
    ['that claim to decode to more than any frame holds', packOf([10, MAX_FRAME_BYTES + 1])],
    ['that are stored in more than any frame needs', packOf([2 * MAX_FRAME_BYTES + 1, 10])],
    ['that are none in a pack of bytes', { ...PACK, frames: [] }],
  ])('%s are refused', (_what, pack) => {
    expect(() => assertFramesTile(pack)).toThrowError(invalid);
  });
});
