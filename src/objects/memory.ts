import {
  alreadyExists,
  checkKey,
  checkPrefix,
  checkRange,
  checkSignal,
  notFound,
  sha256Hex,
  tooShort,
  writerIsDone,
} from './checks.ts';
import type { ByteRange, ObjectStat, ObjectStore, ObjectWriter, StoredObject } from './object-store.ts';

/** The contract with nothing behind it, for tests of what stands on top. */
export class MemoryObjectStore implements ObjectStore {
  readonly url = 'memory:';
  readonly #objects = new Map<string, Buffer>();

  async put(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<StoredObject> {
    const doing = `put object ${key}`;
    checkKey('put object', key);
    checkSignal(doing, signal);
    const existing = this.#objects.get(key);
    if (existing !== undefined && !existing.equals(bytes)) throw alreadyExists(doing);
    this.#objects.set(key, Buffer.from(bytes));
    return { key, size: bytes.byteLength, sha256: sha256Hex(bytes) };
  }

  createWriter(key: string, signal?: AbortSignal): ObjectWriter {
    checkKey('put object', key);
    return new MemoryWriter((bytes) => this.put(key, bytes, signal), `put object ${key}`, signal);
  }

  async get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    const doing = `get object ${key}`;
    const object = this.#find('get object', key, signal);
    checkRange(doing, range);
    const { offset, length } = range ?? { offset: 0, length: object.byteLength };
    if (offset + length > object.byteLength) {
      throw tooShort(doing, Math.max(0, object.byteLength - offset), length);
    }
    return Buffer.from(object.subarray(offset, offset + length));
  }

  async stat(key: string, signal?: AbortSignal): Promise<ObjectStat> {
    const object = this.#find('stat object', key, signal);
    return { key, size: object.byteLength, sha256: sha256Hex(object) };
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectStat> {
    checkPrefix('list objects', prefix);
    // Keys are ASCII, where the default order is the order of the bytes.
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    for (const key of keys) {
      checkSignal(`list objects ${prefix}`, signal);
      const object = this.#objects.get(key);
      if (object !== undefined) yield { key, size: object.byteLength };
    }
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    checkKey('delete object', key);
    checkSignal(`delete object ${key}`, signal);
    this.#objects.delete(key);
  }

  async *openUploads(prefix: string, signal?: AbortSignal): AsyncGenerator<string> {
    checkPrefix('list uploads', prefix);
    checkSignal(`list uploads ${prefix}`, signal);
    // What is being written is its writer's alone.
    yield* [];
  }

  async abortStaleUploads(prefix: string, signal?: AbortSignal): Promise<number> {
    checkPrefix('abort uploads', prefix);
    checkSignal(`abort uploads ${prefix}`, signal);
    return 0;
  }

  #find(doing: string, key: string, signal: AbortSignal | undefined): Buffer {
    checkKey(doing, key);
    checkSignal(`${doing} ${key}`, signal);
    const object = this.#objects.get(key);
    if (object === undefined) throw notFound(`${doing} ${key}`);
    return object;
  }
}

class MemoryWriter implements ObjectWriter {
  readonly #put: (bytes: Uint8Array) => Promise<StoredObject>;
  readonly #doing: string;
  readonly #signal: AbortSignal | undefined;
  #chunks: Uint8Array[] | undefined = [];

  constructor(put: (bytes: Uint8Array) => Promise<StoredObject>, doing: string, signal?: AbortSignal) {
    this.#put = put;
    this.#doing = doing;
    this.#signal = signal;
  }

  async write(bytes: Uint8Array): Promise<void> {
    checkSignal(this.#doing, this.#signal);
    if (this.#chunks === undefined) throw writerIsDone(this.#doing);
    this.#chunks.push(Buffer.from(bytes));
  }

  async close(): Promise<StoredObject> {
    if (this.#chunks === undefined) throw writerIsDone(this.#doing);
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = undefined;
    return this.#put(bytes);
  }

  async abort(): Promise<void> {
    this.#chunks = undefined;
  }
}
