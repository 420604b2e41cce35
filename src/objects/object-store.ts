import type { ColdState, ThawAnswer, ThawRequest } from './cold.ts';

export interface ByteRange {
  /** First byte, counted from 0. */
  readonly offset: number;
  /** Number of bytes; the object must hold them all. */
  readonly length: number;
}

export interface ObjectStat {
  readonly key: string;
  readonly size: number;
  /** Hex SHA-256 of the stored bytes, only where the server computed and kept it itself. */
  readonly sha256?: string;
  /** Only from `stat`, and only where the object lies in storage that must be thawed to be read. */
  readonly cold?: ColdState;
}

export interface StoredObject {
  readonly key: string;
  readonly size: number;
  /** Hex SHA-256 of the bytes as they were handed over. */
  readonly sha256: string;
}

/**
 * One object being written. Nothing is visible under its key until `close`
 * returns; after `abort`, or a crash, nothing ever is.
 */
export interface ObjectWriter {
  /** Resolves when more may be written. Until then the caller must not change the bytes; nobody holds them after. */
  write(bytes: Uint8Array): Promise<void>;
  /** @throws {ClawbackError} `object-exists` if the key already holds other bytes. */
  close(): Promise<StoredObject>;
  /** Gives up and removes what was sent so far. Safe to call twice, and after a failed `close`. */
  abort(): Promise<void>;
}

/**
 * A flat namespace of immutable objects: an S3 bucket, a directory, a Map.
 *
 * A successful `put` or `close` is visible to `stat`, `get` and `list` at once,
 * and no reader ever sees part of an object. A key never names two contents:
 * writing the same bytes again succeeds, writing other bytes is `object-exists`.
 * Keys are `[a-z0-9/_.=-]`, relative, without empty or dot segments, at most 512
 * characters. Every call ends within the adapter's deadline.
 * `test/conformance/object-store.ts` is the executable form of this contract.
 *
 * Errors are `ClawbackError`: `object-not-found`, `object-exists`,
 * `object-invalid-key`, `object-corrupt` (short or damaged answer),
 * `object-cold` (whole, and to be thawed before `get` gives it out),
 * `archive-unreachable`, `archive-denied`, `archive-protocol` (the answer makes
 * no sense: a proxy, another service), `archive-io`.
 */
export interface ObjectStore {
  /** For people: `file:///var/archive`, `s3://bucket/prefix`. Never holds a credential. */
  readonly url: string;
  put(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<StoredObject>;
  /** For objects too large to hold in memory. Memory stays at a few parts. */
  createWriter(key: string, signal?: AbortSignal): ObjectWriter;
  /** The whole object, or exactly `range`, in bytes of the caller's own; a shorter answer is `object-corrupt`. */
  get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array>;
  stat(key: string, signal?: AbortSignal): Promise<ObjectStat>;
  /** Every object whose key starts with `prefix`, in ascending key order. */
  list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectStat>;
  /** Removing what is not there succeeds. */
  delete(key: string, signal?: AbortSignal): Promise<void>;
  /**
   * Keys below `prefix` that somebody has begun to write and not ended: at work, or dead. A folder may have cut the last
   * segment of a long one short.
   */
  openUploads(prefix: string, signal?: AbortSignal): AsyncIterable<string>;
  /** Gives up every open upload below `prefix`, whoever is at work on it: that nobody is, the caller knows. Returns how many. */
  abortStaleUploads(prefix: string, signal?: AbortSignal): Promise<number>;
  /** Asks for a cold object, once: asking again changes nothing. Absent where nothing is ever cold. */
  thaw?(key: string, request: ThawRequest, signal?: AbortSignal): Promise<ThawAnswer>;
}

const KEY = /^(?:[a-z0-9_=-][a-z0-9_.=-]*\/)*[a-z0-9_=-][a-z0-9_.=-]*$/;

/** Segments must not start with a dot, so `..` and hidden temporaries are unreachable. */
export function isObjectKey(key: string): boolean {
  return key.length <= 512 && KEY.test(key);
}
