import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { checkKey, checkPrefix, checkRange } from './checks.ts';
import type { ThawAnswer, ThawRequest } from './cold.ts';
import type { S3Options } from './location.ts';
import type { ByteRange, ObjectStat, ObjectStore, ObjectWriter, StoredObject } from './object-store.ts';
import { S3Connection } from './s3-client.ts';
import { nonsense, s3ErrorName } from './s3-errors.ts';
import { getObject, headObject, statObject } from './s3-get.ts';
import { abortUploads, listObjects, uploadsBelow } from './s3-list.ts';
import { S3ServerProbe } from './s3-probe.ts';
import { putObject } from './s3-put.ts';
import { thawObject } from './s3-thaw.ts';
import type { S3Tuning } from './s3-tuning.ts';
import { parseS3Url } from './s3-url.ts';
import { S3Writer } from './s3-writer.ts';

/** Objects in a bucket of S3, or of a server that speaks like it. */
export class S3ObjectStore implements ObjectStore {
  readonly url: string;
  readonly #connection: S3Connection;

  private constructor(url: string, connection: S3Connection) {
    this.url = url;
    this.#connection = connection;
  }

  /**
   * Sends nothing yet.
   *
   * @param tuning only tests give one.
   * @throws {ClawbackError} `config-invalid` for a bad URL or endpoint, or where no region is known.
   */
  static async open(url: string, options: S3Options, tuning?: S3Tuning): Promise<S3ObjectStore> {
    const place = parseS3Url(url);
    return new S3ObjectStore(url, await S3Connection.open(place, options, tuning));
  }

  /** For `doctor`: what only the server itself can be asked. */
  get server(): S3ServerProbe {
    return new S3ServerProbe(this.#connection);
  }

  async put(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<StoredObject> {
    checkKey('put object', key);
    return putObject(this.#connection, key, bytes, signal);
  }

  createWriter(key: string, signal?: AbortSignal): ObjectWriter {
    checkKey('put object', key);
    return new S3Writer(this.#connection, key, signal);
  }

  async get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    checkKey('get object', key);
    checkRange(`get object ${key}`, range);
    return getObject(this.#connection, key, range, signal);
  }

  async stat(key: string, signal?: AbortSignal): Promise<ObjectStat> {
    checkKey('stat object', key);
    return statObject(this.#connection, key, signal);
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectStat> {
    checkPrefix('list objects', prefix);
    yield* listObjects(this.#connection, prefix, signal);
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    const doing = `delete object ${key}`;
    checkKey('delete object', key);
    const connection = this.#connection;
    try {
      const command = new DeleteObjectCommand(connection.at(key));
      const { $metadata } = await connection.trySend(doing, command, { signal });
      if ($metadata.httpStatusCode === 204) return;
    } catch (error) {
      if (s3ErrorName(error) === 'NoSuchKey') return;
      throw connection.translate(doing, error);
    }
    // S3 answers 204. Any other success may come from something in between.
    if ((await headObject(connection, doing, key, signal)) !== undefined) {
      throw nonsense(doing, 'the object is still there after the delete');
    }
  }

  async *openUploads(prefix: string, signal?: AbortSignal): AsyncGenerator<string> {
    checkPrefix('list uploads', prefix);
    for await (const { key } of uploadsBelow(this.#connection, 'list uploads', prefix, signal)) yield key;
  }

  async abortStaleUploads(prefix: string, signal?: AbortSignal): Promise<number> {
    checkPrefix('abort uploads', prefix);
    return abortUploads(this.#connection, prefix, signal);
  }

  async thaw(key: string, request: ThawRequest, signal?: AbortSignal): Promise<ThawAnswer> {
    checkKey('thaw object', key);
    return thawObject(this.#connection, key, request, signal);
  }
}
