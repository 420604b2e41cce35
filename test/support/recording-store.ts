import { createHash } from 'node:crypto';
import type {
  ByteRange,
  ObjectStat,
  ObjectStore,
  ObjectWriter,
  StoredObject,
} from '../../src/objects/object-store.ts';

export interface Faults {
  /** What arrives in the store instead of the bytes that were sent. The caller is told of success all the same. */
  readonly corruptPut?: (key: string, bytes: Uint8Array) => Uint8Array;
  /** What a reader gets instead of the stored bytes. */
  readonly corruptGet?: (key: string, bytes: Uint8Array) => Uint8Array;
  /** Leaves out of `stat` what the server computed itself. */
  readonly noServerHash?: boolean;
}

/** Writes down every call, and passes it on, damaged where wanted. */
export class RecordingStore implements ObjectStore {
  readonly url = 'recording:';
  readonly calls: string[] = [];
  readonly #inner: ObjectStore;
  readonly #faults: Faults;

  constructor(inner: ObjectStore, faults: Faults = {}) {
    this.#inner = inner;
    this.#faults = faults;
  }

  async put(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<StoredObject> {
    this.calls.push(`put ${key}`);
    const stored = await this.#inner.put(key, this.#faults.corruptPut?.(key, bytes) ?? bytes, signal);
    return { ...stored, size: bytes.length };
  }

  createWriter(key: string, signal?: AbortSignal): ObjectWriter {
    const chunks: Uint8Array[] = [];
    const clean = this.#inner.createWriter(key, signal);
    const { calls } = this;
    const faults = this.#faults;
    const inner = this.#inner;
    return {
      async write(bytes) {
        // A copy: whoever wrote them may free them.
        if (faults.corruptPut !== undefined) chunks.push(Uint8Array.from(bytes));
        await clean.write(bytes);
      },
      async close() {
        calls.push(`put ${key}`);
        if (faults.corruptPut === undefined) return clean.close();
        await clean.abort();
        const bytes = Buffer.concat(chunks);
        await inner.put(key, faults.corruptPut(key, bytes), signal);
        return { key, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
      },
      abort: () => clean.abort(),
    };
  }

  async get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    this.calls.push(range === undefined ? `get ${key}` : `get ${key} ${range.offset}+${range.length}`);
    const bytes = await this.#inner.get(key, range, signal);
    return this.#faults.corruptGet?.(key, bytes) ?? bytes;
  }

  async stat(key: string, signal?: AbortSignal): Promise<ObjectStat> {
    this.calls.push(`stat ${key}`);
    const { sha256, ...stat } = await this.#inner.stat(key, signal);
    return this.#faults.noServerHash || sha256 === undefined ? stat : { ...stat, sha256 };
  }

  list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectStat> {
    this.calls.push(`list ${prefix}`);
    return this.#inner.list(prefix, signal);
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    this.calls.push(`delete ${key}`);
    await this.#inner.delete(key, signal);
  }

  openUploads(prefix: string, signal?: AbortSignal): AsyncIterable<string> {
    return this.#inner.openUploads(prefix, signal);
  }

  async abortStaleUploads(prefix: string, signal?: AbortSignal): Promise<number> {
    return this.#inner.abortStaleUploads(prefix, signal);
  }

  /** The calls that start with `verb`, without it. */
  of(verb: string): string[] {
    return this.calls.flatMap((call) => (call.startsWith(`${verb} `) ? [call.slice(verb.length + 1)] : []));
  }
}

export function flipBit(bytes: Uint8Array, at = Math.floor(bytes.length / 2)): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}
