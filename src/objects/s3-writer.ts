import { createHash } from 'node:crypto';
import { ClawbackError } from '../errors.ts';
import { freeNow } from '../free-now.ts';
import { checkSignal, tooShort, writerIsDone } from './checks.ts';
import type { ObjectWriter, StoredObject } from './object-store.ts';
import type { S3Connection } from './s3-client.ts';
import { nonsense } from './s3-errors.ts';
import { headObject } from './s3-get.ts';
import { MultipartUpload } from './s3-multipart.ts';
import { holdsAlready, putObject } from './s3-put.ts';

const NOTHING = Buffer.alloc(0);

/** Small objects travel in one request at `close`, larger ones in parts as they come. */
export class S3Writer implements ObjectWriter {
  readonly #connection: S3Connection;
  readonly #key: string;
  readonly #doing: string;
  readonly #signal: AbortSignal | undefined;
  readonly #hash = createHash('sha256');
  #size = 0;
  #part = NOTHING;
  /** How much of `#part` holds what is to be sent. */
  #filled = 0;
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
      for (let offset = 0; offset < bytes.byteLength && !this.#onlyCompares; ) {
        if (this.#filled === this.#connection.tuning.partBytes) await this.#sendPart();
        offset += this.#gather(bytes.subarray(offset));
      }
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
        const bytes = this.#take();
        const stored = await putObject(this.#connection, this.#key, bytes, this.#signal);
        freeNow(bytes);
        return stored;
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
    this.#part = NOTHING;
    await this.#upload?.abort();
    this.#upload = undefined;
  }

  /** Copies as much as fits, so that the caller can drop its bytes. */
  #gather(bytes: Uint8Array): number {
    const { partBytes } = this.#connection.tuning;
    if (this.#part === NOTHING) this.#part = Buffer.allocUnsafeSlow(partBytes);
    const taken = bytes.subarray(0, partBytes - this.#filled);
    this.#part.set(taken, this.#filled);
    this.#filled += taken.byteLength;
    return taken.byteLength;
  }

  async #sendPart(): Promise<void> {
    if (this.#upload === undefined) {
      const taken = await headObject(this.#connection, this.#doing, this.#key, this.#signal);
      if (taken !== undefined) {
        this.#onlyCompares = true;
        freeNow(this.#take());
        return;
      }
      this.#upload = await this.#begin();
    }
    await this.#upload.add(this.#take());
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
    if (this.#filled > 0) await upload.add(this.#take());
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

  /** What has been gathered, which is the caller's from now on. */
  #take(): Uint8Array {
    const part = this.#part.subarray(0, this.#filled);
    this.#part = NOTHING;
    this.#filled = 0;
    return part;
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
