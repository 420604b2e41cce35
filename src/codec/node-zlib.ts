import * as zlib from 'node:zlib';
import { ClawbackError, describe, errnoOf } from '../errors.ts';
import type { Codec } from './codec.ts';
import { frameCorrupt, inspectFrame, MAX_WINDOW_LOG } from './frame.ts';
import { requireLevel } from './level.ts';

/** The part of `node:zlib` that came with Node 22.15; on Node 20 both are undefined. */
export type ZstdRuntime = Partial<Pick<typeof zlib, 'zstdCompressSync' | 'zstdDecompressSync'>>;

export function hasZstd(runtime: ZstdRuntime = zlib): boolean {
  return typeof runtime.zstdCompressSync === 'function' && typeof runtime.zstdDecompressSync === 'function';
}

/**
 * The engine built into Node. Frames carry content size and checksum, so this engine
 * notices nearly every damaged one.
 *
 * @throws {ClawbackError} `engine-unavailable` if this Node has no zstd.
 */
export function nodeCodec(runtime: ZstdRuntime = zlib): Codec {
  const { zstdCompressSync, zstdDecompressSync } = runtime;
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) {
    throw new ClawbackError(
      'engine-unavailable',
      `open the node engine: Node ${process.version} has no zstd`,
      {
        hint: 'use Node 22.15 or later, or set compression.engine to "auto" or "wasm"',
      },
    );
  }
  const codec: Codec = {
    engine: 'node',
    minLevel: 1,
    maxLevel: 19,

    compress(raw, level) {
      requireLevel(codec, level);
      const params = parameters(level);
      // One buffer for whatever comes out: pieces would be joined, and lie about until the garbage is collected.
      return zstdCompressSync(raw, { params, pledgedSrcSize: raw.length, chunkSize: boundOf(raw.length) });
    },

    decompress(frame, maxBytes) {
      const { boundBytes, contentBytes } = inspectFrame(frame);
      if (contentBytes !== undefined && contentBytes > maxBytes) throw tooLarge(frame, maxBytes);
      const capacity = Math.min(boundBytes, maxBytes);
      let content: Uint8Array;
      try {
        // One byte more than expected, so that a full buffer is not taken for an unfinished one.
        content = zstdDecompressSync(frame, {
          maxOutputLength: Math.max(1, capacity),
          chunkSize: Math.max(64, capacity + 1),
        });
      } catch (error) {
        if (errnoOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(frame, maxBytes);
        throw frameCorrupt(frame, describe(error), error);
      }
      if (content.length > maxBytes) throw tooLarge(frame, maxBytes);
      return content;
    },
  };
  return codec;
}

/** More than zstd makes of so many bytes, whatever they are (`ZSTD_compressBound`). */
function boundOf(rawBytes: number): number {
  return rawBytes + (rawBytes >>> 8) + 1024;
}

/**
 * The window is always 8 MiB: on 16 MiB of trajectories at level 3 it stores 27 % less than the
 * level's own 2 MiB, at the same speed. Long-distance matching stores no less and halves the speed.
 */
function parameters(level: number): Record<number, number> {
  const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag, ZSTD_c_windowLog } = zlib.constants;
  return {
    [ZSTD_c_compressionLevel]: level,
    [ZSTD_c_checksumFlag]: 1,
    [ZSTD_c_windowLog]: MAX_WINDOW_LOG,
  };
}

function tooLarge(frame: Uint8Array, maxBytes: number): ClawbackError {
  return frameCorrupt(frame, `more than the ${maxBytes} bytes it should hold`);
}
