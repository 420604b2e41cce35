import { createHash } from 'node:crypto';
import { ClawbackError } from '../errors.ts';
import { checkSignal, tooShort, writerIsDone } from './checks.ts';
import type { ObjectWriter, StoredObject } from './object-store.ts';
import type { S3Connection } from './s3-client.ts';
import { nonsense } from './s3-errors.ts';
import { headObject } from './s3-get.ts';
import { MultipartUpload } from './s3-multipart.ts';
import { holdsAlready, putObject } from './s3-put.ts';

/** Small objects travel in one request at `close`, larger ones in parts as they come. */
export class S3Writer implements ObjectWriter {
  readonly #connection: S3Connection;
  readonly #key: string;
  readonly #doing: string;
  readonly #signal: AbortSignal | undefined;
  readonly #hash = createHash('sha256');
  #size = 0;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #upload: MultipartUpload | undefined;
  /** The key is taken: hash what comes, send nothing, compare at `close`. */
  #onlyCompares = false;
  #isDone = false;

  constructor(connection: S3Connection, key: string, signal: AbortSignal | undefined) {
    this.#connection = connection;
    this.#key = key;
    this.#doing = `put object ${key}`;
    this.#signal = signal;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#isDone) throw writerIsDone(this.#doing);
    try {
      checkSignal(this.#doing, this.#signal);
      this.#hash.update(bytes);
      this.#size += bytes.byteLength;
      this.#pending.push(bytes);
      this.#pendingBytes += bytes.byteLength;
      if (this.#size > this.#connection.tuning.singlePutBytes) await this.#sendFullParts();
    } catch (error) {
      throw await this.#giveUp(error);
    }
  }

  async close(): Promise<StoredObject> {
    if (this.#isDone) throw writerIsDone(this.#doing);
    this.#isDone = true;
    try {
      checkSignal(this.#doing, this.#signal);
      if (this.#upload === undefined && !this.#onlyCompares) {
        return await putObject(this.#connection, this.#key, this.#take(this.#pendingBytes), this.#signal);
      }
      const stored = { key: this.#key, size: this.#size, sha256: this.#hash.digest('hex') };
      if (this.#upload === undefined) await this.#compare(stored);
      else await this.#finish(this.#upload, stored);
      return stored;
    } catch (error) {
      throw await this.#giveUp(error);
    }
  }

  async abort(): Promise<void> {
    this.#isDone = true;
    this.#pending = [];
    await this.#upload?.abort();
    this.#upload = undefined;
  }

  async #sendFullParts(): Promise<void> {
    if (this.#upload === undefined && !this.#onlyCompares) {
      const taken = await headObject(this.#connection, this.#doing, this.#key, this.#signal);
      if (taken === undefined) this.#upload = await this.#begin();
      else this.#onlyCompares = true;
    }
    if (this.#upload === undefined) {
      this.#take(this.#pendingBytes);
      return;
    }
    const { partBytes } = this.#connection.tuning;
    while (this.#pendingBytes >= partBytes) await this.#upload.add(this.#take(partBytes));
  }

  #begin(): Promise<MultipartUpload> {
    return MultipartUpload.begin(this.#connection, this.#doing, this.#key, this.#signal);
  }

  async #compare(stored: StoredObject): Promise<void> {
    if (await holdsAlready(this.#connection, this.#doing, this.#key, stored, this.#signal)) return;
    throw new ClawbackError('archive-unreachable', `${this.#doing}: the object that was there vanished`, {
      hint: 'check who else deletes in this archive, then run again',
      retryable: true,
    });
  }

  async #finish(upload: MultipartUpload, stored: StoredObject): Promise<void> {
    const [connection, doing, key, signal] = [this.#connection, this.#doing, this.#key, this.#signal];
    if (this.#pendingBytes > 0) await upload.add(this.#take(this.#pendingBytes));
    await upload.settle();
    const expected = { ...stored, partsChecksum: upload.partsChecksum() };
    // Completing overwrites, and few servers honour a condition on it: look first.
    if (await holdsAlready(connection, doing, key, expected, signal)) return this.abort();
    try {
      await upload.complete(signal);
    } catch (error) {
      // The reply may have been lost after the parts were joined; a repeated request then finds no upload.
      if (!(await holdsAlready(connection, doing, key, expected, signal)))
        throw connection.translate(doing, error);
      await this.#giveUp(error);
      return;
    }
    this.#upload = undefined;
    const head = await headObject(connection, doing, key, signal);
    if (head === undefined) throw nonsense(doing, 'the object is not there after the upload');
    if (head.size !== stored.size) throw tooShort(doing, head.size, stored.size);
  }

  /** The next `count` pending bytes in one piece; copied only where they come from several chunks. */
  #take(count: number): Uint8Array {
    const chunks: Uint8Array[] = [];
    for (let missing = count; missing > 0; ) {
      const chunk = this.#pending.shift();
      if (chunk === undefined) break;
      const taken = chunk.subarray(0, missing);
      if (taken.byteLength < chunk.byteLength) this.#pending.unshift(chunk.subarray(taken.byteLength));
      chunks.push(taken);
      missing -= taken.byteLength;
    }
    this.#pendingBytes -= count;
    const [only] = chunks;
    return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks);
  }

  /** Removes what was sent and hands the failure back, to be thrown. */
  async #giveUp(error: unknown): Promise<unknown> {
    try {
      await this.abort();
    } catch {
      // The first failure says more. The caller's own abort, or the next run's abortStaleUploads, tries again.
      return error;
    }
    return error;
  }
}
