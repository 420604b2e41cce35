import { createHash } from 'node:crypto';
import { PutObjectCommand, type PutObjectCommandInput } from '@aws-sdk/client-s3';
import type { S3Connection } from './s3-client.ts';
import { s3ErrorName, statusOf } from './s3-errors.ts';
import type { ServerProbe } from './server-probe.ts';

/** Sends what the adapter never would, to learn what the server makes of it. */
export class S3ServerProbe implements ServerProbe {
  readonly #connection: S3Connection;

  constructor(connection: S3Connection) {
    this.#connection = connection;
  }

  get partBytes(): number {
    return this.#connection.tuning.partBytes;
  }

  get clockAheadMs(): number | undefined {
    return this.#connection.clock.aheadMs;
  }

  async refusesOverwrite(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<boolean> {
    const doing = `overwrite object ${key}`;
    const answer = await this.#put(doing, key, bytes, { IfNoneMatch: '*' }, signal);
    if (answer === undefined) return false;
    if (statusOf(answer) === 412) return true;
    // It knows no conditions: the adapter then does without them.
    if (statusOf(answer) === 501 || s3ErrorName(answer) === 'NotImplemented') return false;
    throw this.#connection.translate(doing, answer);
  }

  async refusesDamage(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<boolean> {
    const doing = `put damaged object ${key}`;
    const meant = Buffer.from(bytes);
    meant.writeUInt8(meant.readUInt8(0) ^ 1, 0);
    const answer = await this.#put(doing, key, bytes, { ChecksumSHA256: sha256Base64(meant) }, signal);
    if (answer === undefined) return false;
    // The servers have many names for it (BadDigest, XAmzContentSHA256Mismatch, SignatureDoesNotMatch).
    const error = this.#connection.translate(doing, answer);
    if (statusOf(answer) === 400 || error.code === 'object-corrupt') return true;
    if (s3ErrorName(answer) === 'SignatureDoesNotMatch') return true;
    throw error;
  }

  /** What the service throws, or undefined where it is content. @throws {ClawbackError} on the deadline or signal. */
  async #put(
    doing: string,
    key: string,
    bytes: Uint8Array,
    extra: Partial<PutObjectCommandInput>,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const command = new PutObjectCommand({
      ...this.#connection.at(key),
      ...this.#connection.storage,
      Body: bytes,
      ContentLength: bytes.byteLength,
      ContentType: 'application/octet-stream',
      ChecksumSHA256: sha256Base64(bytes),
      ...extra,
    });
    try {
      await this.#connection.trySend(doing, command, { signal, sentBytes: bytes.byteLength });
      return undefined;
    } catch (error) {
      if (statusOf(error) === undefined) throw this.#connection.translate(doing, error);
      return error;
    }
  }
}

function sha256Base64(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}
