import {
  type $Command,
  S3Client,
  type S3ClientResolvedConfig,
  type ServerSideEncryption,
  type ServiceInputTypes,
  type ServiceOutputTypes,
  type StorageClass,
} from '@aws-sdk/client-s3';
import type { ClawbackError } from '../errors.ts';
import { withDeadline } from './deadline.ts';
import type { S3Options } from './location.ts';
import { translateS3Error } from './s3-errors.ts';
import { WEB_PAGE } from './s3-meanings.ts';
import { S3_TUNING, type S3Tuning, transferMs } from './s3-tuning.ts';
import { checkEndpoint, type S3Place } from './s3-url.ts';
import { ServerClock } from './server-clock.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes that the request carries: a larger one may take longer. */
  readonly sentBytes?: number;
}

/** The SDK's client for one bucket and prefix, with deadlines and our own errors around every call. */
export class S3Connection {
  readonly bucket: string;
  readonly prefix: string;
  readonly tuning: S3Tuning;
  /** What every object of ours is stored with. */
  readonly storage: {
    readonly StorageClass?: StorageClass;
    readonly ServerSideEncryption?: ServerSideEncryption;
  };
  /** Set once the server has refused `If-None-Match` and taken the same request without it. */
  refusesConditions = false;
  readonly clock: ServerClock;
  readonly #client: S3Client;

  private constructor(
    client: S3Client,
    clock: ServerClock,
    place: S3Place,
    options: S3Options,
    tuning: S3Tuning,
  ) {
    this.#client = client;
    this.clock = clock;
    this.bucket = place.bucket;
    this.prefix = place.prefix;
    this.tuning = tuning;
    this.storage = {
      // The server decides which values it knows; S3's own list grows without us.
      ...(options.storageClass === undefined ? {} : { StorageClass: options.storageClass as StorageClass }),
      ...(options.sse === undefined ? {} : { ServerSideEncryption: options.sse as ServerSideEncryption }),
    };
  }

  /** @throws {ClawbackError} `config-invalid` for a bad endpoint or an unknown region. */
  static async open(place: S3Place, options: S3Options, tuning: S3Tuning = S3_TUNING): Promise<S3Connection> {
    checkEndpoint(options);
    const clock = new ServerClock();
    let client = newClient(options, tuning, clock);
    try {
      await client.config.region();
    } catch (error) {
      // A server of one's own rarely has regions, and then takes the default name.
      if (options.endpoint === undefined) throw translateS3Error('open archive', place.bucket, error);
      client = newClient({ ...options, region: 'us-east-1' }, tuning, clock);
    }
    return new S3Connection(client, clock, place, options, tuning);
  }

  /** The names under which S3 knows one of our objects. */
  at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.bucket, Key: this.prefix + key };
  }

  /** @throws what the service throws, untranslated: for callers to whom some errors are answers. */
  async trySend<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    doing: string,
    command: $Command<Input, Output, S3ClientResolvedConfig>,
    { signal, sentBytes = 0 }: CallOptions,
  ): Promise<Output> {
    const { callMs, idleMs } = this.tuning;
    const extraMs = transferMs(this.tuning, sentBytes);
    return withDeadline(doing, callMs + extraMs, signal, (abortSignal) =>
      this.#client.send(command, { abortSignal, requestTimeout: idleMs + extraMs }),
    );
  }

  async send<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    doing: string,
    command: $Command<Input, Output, S3ClientResolvedConfig>,
    options: CallOptions,
  ): Promise<Output> {
    try {
      return await this.trySend(doing, command, options);
    } catch (error) {
      throw this.translate(doing, error);
    }
  }

  translate(doing: string, error: unknown): ClawbackError {
    return translateS3Error(doing, this.bucket, error);
  }
}

function newClient(options: S3Options, tuning: S3Tuning, clock: ServerClock): S3Client {
  const { endpoint, region, forcePathStyle } = options;
  const client = new S3Client({
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
    // Without these three the client waits for ever for a server that accepts and says nothing.
    requestHandler: {
      connectionTimeout: tuning.connectMs,
      socketTimeout: tuning.idleMs,
      throwOnRequestTimeout: true,
    },
    maxAttempts: tuning.attempts,
    retryMode: tuning.retryMode,
    // The default appends a CRC trailer, which some servers store as content. We send SHA-256 ourselves.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  refuseWebPages(client);
  readClock(client, clock);
  signWithKnownHash(client);
  return client;
}

/** A proxy's 200 text/html otherwise becomes a stored object or an empty bucket. */
function refuseWebPages(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as { statusCode?: number; headers?: Record<string, string> };
      const type = response.headers?.['content-type'] ?? '';
      if ((response.statusCode ?? 0) < 300 && /^text\/html\b/i.test(type)) {
        throw Object.assign(new Error(type.slice(0, 60)), { name: WEB_PAGE });
      }
      return result;
    },
    // Low is next to the wire: it sees the answer before the SDK makes an empty one of it.
    { name: 'refuseWebPages', step: 'deserialize', priority: 'low' },
  );
}

/** Every answer tells the time, a refusal too. */
function readClock(client: S3Client, clock: ServerClock): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      clock.note((result.response as { headers?: Record<string, string> }).headers?.date, Date.now());
      return result;
    },
    { name: 'readClock', step: 'deserialize', priority: 'low' },
  );
}

/** Lets the SHA-256 that we send as checksum serve as the signed payload hash too: one pass over the bytes, not two. */
function signWithKnownHash(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const checksum = (args.input as { ChecksumSHA256?: string }).ChecksumSHA256;
      const hasBody = (args.input as { Body?: unknown }).Body !== undefined;
      const headers = (args.request as { headers?: Record<string, string> }).headers;
      if (checksum !== undefined && hasBody && headers !== undefined) {
        headers['x-amz-content-sha256'] = Buffer.from(checksum, 'base64').toString('hex');
      }
      return next(args);
    },
    { name: 'signWithKnownHash', step: 'build' },
  );
}
