import type { Readable } from 'node:stream';
import { GetObjectCommand, HeadBucketCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { ClawbackError, describe } from '../errors.ts';
import { freeNow } from '../free-now.ts';
import { notFound, tooShort } from './checks.ts';
import type { ColdState } from './cold.ts';
import { pauseBefore, withDeadline } from './deadline.ts';
import type { ByteRange, ObjectStat } from './object-store.ts';
import type { S3Connection } from './s3-client.ts';
import { coldStateOf } from './s3-cold.ts';
import { nonsense, statusOf } from './s3-errors.ts';
import { transferMs } from './s3-tuning.ts';

export interface HeadAnswer {
  readonly size: number;
  /** Base64 SHA-256, or `…-N` where the server hashed the hashes of N parts. */
  readonly checksum: string | undefined;
  readonly cold: ColdState | undefined;
}

/** What the server knows of an object, or undefined if it says that there is none. */
export async function headObject(
  connection: S3Connection,
  doing: string,
  key: string,
  signal: AbortSignal | undefined,
): Promise<HeadAnswer | undefined> {
  const command = new HeadObjectCommand({ ...connection.at(key), ChecksumMode: 'ENABLED' });
  try {
    const head = await connection.trySend(doing, command, { signal });
    if (head.ETag === undefined || head.ContentLength === undefined) {
      throw nonsense(doing, 'an answer without ETag or length');
    }
    return { size: head.ContentLength, checksum: head.ChecksumSHA256, cold: coldStateOf(head) };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw connection.translate(doing, error);
  }
}

export async function statObject(
  connection: S3Connection,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ObjectStat> {
  const doing = `stat object ${key}`;
  const head = await headObject(connection, doing, key, signal);
  if (head === undefined) {
    // HEAD has no body to tell a missing object from a missing bucket.
    await checkBucket(connection, doing, signal);
    throw notFound(doing);
  }
  const { size, checksum, cold } = head;
  const stat = { key, size, ...(cold === undefined ? {} : { cold }) };
  if (checksum === undefined || checksum.includes('-')) return stat;
  return { ...stat, sha256: Buffer.from(checksum, 'base64').toString('hex') };
}

async function checkBucket(
  connection: S3Connection,
  doing: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { bucket } = connection;
  try {
    await connection.trySend(doing, new HeadBucketCommand({ Bucket: bucket }), { signal });
  } catch (error) {
    if (statusOf(error) !== 404) throw connection.translate(doing, error);
    throw connection.translate(doing, Object.assign(new Error(describe(error)), { name: 'NoSuchBucket' }));
  }
}

/** The whole object or exactly the range. A body that breaks off or stalls is asked for again. */
export async function getObject(
  connection: S3Connection,
  key: string,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const doing = `get object ${key}`;
  // HTTP cannot ask for no bytes.
  if (range?.length === 0) return emptyRange(connection, doing, key, range.offset, signal);
  const { attempts, pauseMs } = connection.tuning;
  for (let attempt = 1; ; attempt += 1) {
    const { body, size } = await openBody(connection, doing, key, range, signal);
    try {
      return await readBody(connection, doing, body, size, signal);
    } catch (error) {
      body.destroy();
      const translated = bodyError(connection, doing, error);
      if (attempt >= attempts || !translated.retryable) throw translated;
    }
    await pauseBefore(attempt, pauseMs, signal);
  }
}

async function emptyRange(
  connection: S3Connection,
  doing: string,
  key: string,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { size } = await statObject(connection, key, signal);
  if (offset > size) throw tooShort(doing, 0, 0);
  return new Uint8Array(0);
}

async function openBody(
  connection: S3Connection,
  doing: string,
  key: string,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<{ body: Readable; size: number }> {
  const header =
    range === undefined ? {} : { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
  const command = new GetObjectCommand({ ...connection.at(key), ...header });
  const answer = await connection.send(doing, command, { signal });
  const body = answer.Body as Readable | undefined;
  try {
    if (body === undefined || answer.ETag === undefined)
      throw nonsense(doing, 'an answer without ETag or body');
    if (range === undefined) {
      // A proxy that compresses or re-chunks leaves the length out; then only HEAD tells a short body.
      const size = answer.ContentLength ?? (await headObject(connection, doing, key, signal))?.size;
      if (size === undefined) throw nonsense(doing, 'an answer without length');
      return { body, size };
    }
    checkContentRange(doing, range, answer.ContentRange, answer.ContentLength);
    return { body, size: range.length };
  } catch (error) {
    body?.destroy();
    throw error;
  }
}

/** A server that ignores Range answers with the whole object: never take its head for the asked part. */
function checkContentRange(
  doing: string,
  range: ByteRange,
  header: string | undefined,
  contentLength: number | undefined,
): void {
  const last = range.offset + range.length - 1;
  const match = /^bytes (\d+)-(\d+)\/(?:\d+|\*)$/.exec(header ?? '');
  if (match === null) {
    if (header === undefined && range.offset === 0 && contentLength === range.length) return;
    throw nonsense(doing, 'the server ignores the range that was asked for');
  }
  const [first, end] = [Number(match[1]), Number(match[2])];
  if (first !== range.offset || end > last) throw nonsense(doing, 'the server sent another range');
  if (end < last) throw tooShort(doing, end - first + 1, range.length);
}

async function readBody(
  connection: S3Connection,
  doing: string,
  body: Readable,
  size: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { callMs } = connection.tuning;
  return withDeadline(doing, callMs + transferMs(connection.tuning, size), signal, async () => {
    const bytes = Buffer.allocUnsafe(size);
    let filled = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (filled + chunk.byteLength > size)
        throw nonsense(doing, `more than the ${size} bytes that were due`);
      bytes.set(chunk, filled);
      filled += chunk.byteLength;
      // Where the chunk is all of its buffer, nothing else of the answer lies in it.
      if (chunk.byteLength === chunk.buffer.byteLength) freeNow(chunk);
    }
    if (filled < size) throw retryableShort(doing, filled, size);
    return bytes;
  });
}

function retryableShort(doing: string, got: number, expected: number): ClawbackError {
  const { code, message, hint } = tooShort(doing, got, expected);
  return new ClawbackError(code, message, { retryable: true, ...(hint === undefined ? {} : { hint }) });
}

function bodyError(connection: S3Connection, doing: string, error: unknown): ClawbackError {
  if (error instanceof ClawbackError) return error;
  const { message, hint, cause } = connection.translate(doing, error);
  return new ClawbackError('archive-unreachable', `${message}, amid the body`, {
    retryable: true,
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
