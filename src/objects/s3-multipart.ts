import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { ClawbackError } from '../errors.ts';
import { freeNow } from '../free-now.ts';
import { onAbort } from './deadline.ts';
import type { S3Connection } from './s3-client.ts';
import { nonsense, s3ErrorName } from './s3-errors.ts';

/** One upload in parts. A few parts travel at once; the first failure is thrown by the next call. */
export class MultipartUpload {
  readonly #connection: S3Connection;
  readonly #doing: string;
  readonly #key: string;
  readonly #uploadId: string;
  readonly #parts: CompletedPart[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  /** Fires for the parts under way, on the caller's signal and on `abort`. */
  readonly #stop = new AbortController();
  readonly #unsubscribe: () => void;
  #failure: unknown;

  private constructor(
    connection: S3Connection,
    doing: string,
    key: string,
    uploadId: string,
    signal: AbortSignal | undefined,
  ) {
    this.#connection = connection;
    this.#doing = doing;
    this.#key = key;
    this.#uploadId = uploadId;
    this.#unsubscribe = onAbort(signal, () => this.#stop.abort(signal?.reason));
  }

  static async begin(
    connection: S3Connection,
    doing: string,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<MultipartUpload> {
    const command = new CreateMultipartUploadCommand({
      ...connection.at(key),
      ...connection.storage,
      ContentType: 'application/octet-stream',
      ChecksumAlgorithm: 'SHA256',
    });
    const { UploadId: uploadId } = await connection.send(doing, command, { signal });
    if (uploadId === undefined) throw nonsense(doing, 'an answer without upload id');
    return new MultipartUpload(connection, doing, key, uploadId, signal);
  }

  /** Takes the bytes over, and resolves when another part may be handed over. */
  async add(bytes: Uint8Array): Promise<void> {
    const { maxParts, partsInFlight, partBytes } = this.#connection.tuning;
    if (this.#parts.length >= maxParts) {
      throw new ClawbackError(
        'archive-io',
        `${this.#doing}: larger than ${maxParts} parts of ${partBytes} bytes`,
        {
          hint: 'S3 takes no more in one object; archive this file to a file:// archive',
        },
      );
    }
    const part: CompletedPart = { PartNumber: this.#parts.length + 1, ChecksumSHA256: sha256Base64(bytes) };
    this.#parts.push(part);
    const sending = this.#send(part, bytes)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
    while (this.#inFlight.size >= partsInFlight) await Promise.race(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits for the parts under way. */
  async settle(): Promise<void> {
    await Promise.all(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** What a server shows as SHA-256 of an object made of these parts. */
  partsChecksum(): string {
    const digests = this.#parts.map((part) => Buffer.from(part.ChecksumSHA256 ?? '', 'base64'));
    return `${sha256Base64(Buffer.concat(digests))}-${this.#parts.length}`;
  }

  /** @throws what the service throws, untranslated. The object may exist all the same: a reply can be lost. */
  async complete(signal: AbortSignal | undefined): Promise<void> {
    await this.settle();
    const command = new CompleteMultipartUploadCommand({
      ...this.#connection.at(this.#key),
      UploadId: this.#uploadId,
      MultipartUpload: { Parts: this.#parts },
    });
    const { ETag } = await this.#connection.trySend(this.#doing, command, { signal });
    if (ETag === undefined) throw nonsense(this.#doing, 'an answer without ETag');
    this.#unsubscribe();
  }

  /** Removes the parts, whatever became of the caller's signal. */
  async abort(): Promise<void> {
    this.#unsubscribe();
    this.#stop.abort();
    // A part that lands after the abort would stay.
    await Promise.all(this.#inFlight);
    const command = new AbortMultipartUploadCommand({
      ...this.#connection.at(this.#key),
      UploadId: this.#uploadId,
    });
    try {
      await this.#connection.trySend(this.#doing, command, {});
    } catch (error) {
      if (s3ErrorName(error) !== 'NoSuchUpload') throw this.#connection.translate(this.#doing, error);
    }
  }

  async #send(part: CompletedPart, bytes: Uint8Array): Promise<void> {
    const command = new UploadPartCommand({
      ...this.#connection.at(this.#key),
      UploadId: this.#uploadId,
      PartNumber: part.PartNumber,
      ChecksumSHA256: part.ChecksumSHA256,
      ContentLength: bytes.byteLength,
      Body: bytes,
    });
    const options = { signal: this.#stop.signal, sentBytes: bytes.byteLength };
    const { ETag } = await this.#connection.send(this.#doing, command, options);
    if (ETag === undefined) throw nonsense(this.#doing, 'an answer without ETag');
    part.ETag = ETag;
    // Only here: as long as a request may go on, its socket reads from them.
    freeNow(bytes);
  }
}

function sha256Base64(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}
