import load, { type StreamBinding, type ZstdModule } from 'zstd-codec/lib/zstd-codec-binding-wasm.js';
import { ClawbackError } from '../errors.ts';
import type { Codec } from './codec.ts';
import { frameCorrupt, inspectFrame } from './frame.ts';
import { requireLevel } from './level.ts';

/** Above 1 MiB a call the 16 MiB heap runs out; below 256 KiB the calls themselves cost time. */
const COMPRESS_CHUNK_BYTES = 256 * 1024;
/** 16 KiB of a bomb unfold to 512 MiB that are counted and dropped in 70 ms before decoding stops. */
const DECOMPRESS_CHUNK_BYTES = 16 * 1024;

/**
 * The engine for a Node without zstd: `zstd-codec`, zstd 1.3.6 in a WASM heap of 16 MiB.
 *
 * Its frames carry neither content size nor checksum, so a flipped bit in one of them mostly
 * decodes to wrong bytes of the right length, here and everywhere. A frame cut short, or
 * followed by more, is refused by its envelope. Every call makes an instance of its own and
 * frees it. An abort inside the heap leaks memory there for good, so the codec refuses all
 * work after one: load another.
 */
export async function loadWasmCodec(): Promise<Codec> {
  return new WasmCodec(await loadModule());
}

class WasmCodec implements Codec {
  readonly engine = 'wasm';
  readonly minLevel = 1;
  /** From level 10 on the compressor's tables do not fit into the heap. */
  readonly maxLevel = 9;
  readonly #module: ZstdModule;
  #hasAborted = false;

  constructor(module: ZstdModule) {
    this.#module = module;
  }

  compress(raw: Uint8Array, level: number): Uint8Array {
    requireLevel(this, level);
    const parts: Uint8Array[] = [];
    const stream = this.#run(() => new this.#module.ZstdCompressStreamBinding());
    try {
      const done = this.#run(
        () => stream.begin(level) && feed(stream, raw, COMPRESS_CHUNK_BYTES, (part) => parts.push(part)),
      );
      if (done) return Buffer.concat(parts);
    } finally {
      stream.delete();
    }
    throw new ClawbackError('internal', `compress ${raw.length} bytes with the wasm engine: refused`);
  }

  decompress(frame: Uint8Array, maxBytes: number): Uint8Array {
    const { boundBytes, contentBytes } = inspectFrame(frame);
    const tooLarge = `more than the ${maxBytes} bytes it should hold`;
    if (contentBytes !== undefined && contentBytes > maxBytes) throw frameCorrupt(frame, tooLarge);
    const content = new Uint8Array(Math.min(boundBytes, maxBytes));
    let length = 0;
    const collect = (part: Uint8Array) => {
      // Nothing may be thrown through the WASM frames below, so what is too much is only counted.
      if (length + part.length <= content.length) content.set(part, length);
      length += part.length;
    };
    const stream = this.#run(() => new this.#module.ZstdDecompressStreamBinding());
    let isSound: boolean;
    try {
      isSound = this.#run(
        () =>
          stream.begin() &&
          feed(stream, frame, DECOMPRESS_CHUNK_BYTES, collect, () => length <= content.length),
      );
    } finally {
      stream.delete();
    }
    if (length > content.length) throw frameCorrupt(frame, tooLarge);
    if (!isSound) throw frameCorrupt(frame, 'refused by the wasm engine');
    if (contentBytes !== undefined && length !== contentBytes) {
      throw frameCorrupt(frame, `${length} bytes instead of ${contentBytes}`);
    }
    return content.subarray(0, length);
  }

  /** What leaves the heap by a throw (a string or undefined, never an Error) has left it damaged. */
  #run<T>(work: () => T): T {
    if (this.#hasAborted) throw aborted('an earlier call ran out of memory');
    try {
      return work();
    } catch (error) {
      this.#hasAborted = true;
      throw aborted('its heap gave out', error);
    }
  }
}

function aborted(what: string, cause?: unknown): ClawbackError {
  return new ClawbackError('engine-unavailable', `use the wasm engine: ${what}`, {
    hint: 'run again; if it recurs, use Node 22.15 or later with compression.engine "node"',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** False as soon as the engine refuses a chunk, or `goOn` says no. */
function feed(
  stream: StreamBinding,
  bytes: Uint8Array,
  chunkBytes: number,
  onBytes: (part: Uint8Array) => void,
  goOn: () => boolean = () => true,
): boolean {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    if (!stream.transform(bytes.subarray(at, at + chunkBytes), onBytes) || !goOn()) return false;
  }
  return stream.end(onBytes);
}

/**
 * Goes around the package's own entry points: they print an abort to standard output, where
 * it would end up in somebody's JSON.
 */
function loadModule(): Promise<ZstdModule> {
  return new Promise((resolve, reject) => {
    const module = {
      print: () => {},
      printErr: () => {},
      onAbort: (reason: unknown) => reject(aborted('it did not start', reason)),
      onRuntimeInitialized: () => {
        const { ZstdCompressStreamBinding, ZstdDecompressStreamBinding } = module as unknown as ZstdModule;
        // Not `module` itself: it has a `then` that never settles.
        resolve({ ZstdCompressStreamBinding, ZstdDecompressStreamBinding });
      },
    };
    load(module);
  });
}
