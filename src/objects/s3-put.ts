import { createHash } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { alreadyExists, sha256Hex } from './checks.ts';
import { pauseBefore } from './deadline.ts';
import type { StoredObject } from './object-store.ts';
import type { S3Connection } from './s3-client.ts';
import { nonsense, s3ErrorName, statusOf } from './s3-errors.ts';
import { getObject, headObject } from './s3-get.ts';

export interface ExpectedObject {
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
  /** What the server shows for an object of these very parts: base64, then `-N`. */
  readonly partsChecksum?: string;
}

/**
 * Stores `bytes` unless the key is taken. HEAD comes first, because some servers
 * (Garage) take `If-None-Match` and overwrite all the same; the condition then
 * settles a race where it is honoured.
 */
export async function putObject(
  connection: S3Connection,
  key: string,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<StoredObject> {
  const doing = `put object ${key}`;
  const stored = { key, size: bytes.byteLength, sha256: sha256Hex(bytes) };
  const { attempts, pauseMs } = connection.tuning;
  for (let attempt = 1; ; attempt += 1) {
    if (await holdsAlready(connection, doing, key, stored, signal)) return stored;
    try {
      await send(connection, doing, key, bytes, stored.sha256, signal);
      return stored;
    } catch (error) {
      // 412: taken since the HEAD, or ours whose reply was lost. 409: somebody else is at it. The next HEAD tells.
      const isContended = statusOf(error) === 412 || statusOf(error) === 409;
      if (!isContended || attempt >= attempts) throw connection.translate(doing, error);
    }
    if (attempt > 1) await pauseBefore(attempt, pauseMs, signal);
  }
}

async function send(
  connection: S3Connection,
  doing: string,
  key: string,
  bytes: Uint8Array,
  sha256: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const attempt = async (condition: { IfNoneMatch?: '*' }) => {
    const command = new PutObjectCommand({
      ...connection.at(key),
      ...connection.storage,
      ...condition,
      Body: bytes,
      ContentLength: bytes.byteLength,
      ContentType: 'application/octet-stream',
      ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64'),
    });
    const answer = await connection.trySend(doing, command, { signal, sentBytes: bytes.byteLength });
    if (answer.ETag === undefined) throw nonsense(doing, 'an answer without ETag');
  };
  if (connection.refusesConditions) return attempt({});
  try {
    await attempt({ IfNoneMatch: '*' });
  } catch (error) {
    if (statusOf(error) !== 501 && s3ErrorName(error) !== 'NotImplemented') throw error;
    await attempt({});
    connection.refusesConditions = true;
  }
}

/**
 * Whether the key holds these very bytes.
 *
 * @throws {ClawbackError} `object-exists` if it holds others.
 */
export async function holdsAlready(
  connection: S3Connection,
  doing: string,
  key: string,
  expected: ExpectedObject,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const head = await headObject(connection, doing, key, signal);
  if (head === undefined) return false;
  if (head.size !== expected.size) throw alreadyExists(doing);
  const own = Buffer.from(expected.sha256, 'hex').toString('base64');
  if (head.checksum === own || (head.checksum !== undefined && head.checksum === expected.partsChecksum)) {
    return true;
  }
  const isWhole = head.checksum !== undefined && !head.checksum.includes('-');
  if (isWhole || (await hashOf(connection, key, head.size, signal)) !== expected.sha256)
    throw alreadyExists(doing);
  return true;
}

/** Reads the object part by part: for servers that keep no checksum, or one of parts cut elsewhere. */
async function hashOf(
  connection: S3Connection,
  key: string,
  size: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash('sha256');
  const step = connection.tuning.partBytes;
  for (let offset = 0; offset < size; offset += step) {
    hash.update(await getObject(connection, key, { offset, length: Math.min(step, size - offset) }, signal));
  }
  return hash.digest('hex');
}
