import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { isObjectKey, type ObjectStat } from './object-store.ts';
import type { S3Connection } from './s3-client.ts';
import { nonsense, s3ErrorName } from './s3-errors.ts';

/**
 * Pages through the keys. Names that no key of ours can have (folder markers,
 * `..`, capitals) are somebody else's and passed over. A listing that goes
 * backwards or in circles is an error: nothing may be concluded from it.
 */
export async function* listObjects(
  connection: S3Connection,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ObjectStat> {
  const doing = `list objects ${prefix || '(all)'}`;
  const { bucket, prefix: base } = connection;
  const seen = new Set<string>();
  let previous = '';
  for (let token: string | undefined; ; ) {
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: base + prefix,
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const page = await connection.send(doing, command, { signal });
    if (page.KeyCount === undefined || page.IsTruncated === undefined) {
      throw nonsense(doing, 'an answer that is no listing');
    }
    for (const { Key: name, Size: size } of page.Contents ?? []) {
      if (name === undefined || !name.startsWith(base + prefix)) {
        throw nonsense(doing, 'a listing with other keys than were asked for');
      }
      const key = name.slice(base.length);
      if (!isObjectKey(key)) continue;
      if (size === undefined) throw nonsense(doing, 'a listing without sizes');
      if (key <= previous) throw nonsense(doing, 'a listing that goes backwards');
      previous = key;
      yield { key, size };
    }
    if (!page.IsTruncated) return;
    token = page.NextContinuationToken;
    if (token === undefined || seen.has(token)) throw nonsense(doing, 'a listing that goes in circles');
    seen.add(token);
  }
}

/** Gives up the unfinished uploads of our keys below `prefix`. Returns how many. */
export async function abortUploads(
  connection: S3Connection,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  const doing = `abort uploads ${prefix || '(all)'}`;
  let count = 0;
  for await (const { key, uploadId } of uploadsBelow(connection, doing, prefix, signal)) {
    const command = new AbortMultipartUploadCommand({ ...connection.at(key), UploadId: uploadId });
    try {
      await connection.trySend(doing, command, { signal });
      count += 1;
    } catch (error) {
      // Finished or given up since it was listed.
      if (s3ErrorName(error) !== 'NoSuchUpload') throw connection.translate(doing, error);
    }
  }
  return count;
}

/** Of our keys below `prefix`. */
export async function* uploadsBelow(
  connection: S3Connection,
  doing: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly key: string; readonly uploadId: string }> {
  const wanted = connection.prefix + prefix;
  for await (const { key: name, uploadId } of listUploads(connection, doing, signal)) {
    const key = name.slice(connection.prefix.length);
    if (name.startsWith(wanted) && isObjectKey(key)) yield { key, uploadId };
  }
}

/** All of the bucket: asked with the prefix of a folder, MinIO answers that there are none. */
async function* listUploads(
  connection: S3Connection,
  doing: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly key: string; readonly uploadId: string }> {
  const seen = new Set<string>();
  for (let markers: { KeyMarker?: string; UploadIdMarker?: string } = {}; ; ) {
    const command = new ListMultipartUploadsCommand({ Bucket: connection.bucket, ...markers });
    const page = await connection.send(doing, command, { signal });
    if (page.IsTruncated === undefined) throw nonsense(doing, 'an answer that is no listing');
    for (const { Key: key, UploadId: uploadId } of page.Uploads ?? []) {
      if (key === undefined || uploadId === undefined) throw nonsense(doing, 'an upload without key or id');
      yield { key, uploadId };
    }
    if (!page.IsTruncated) return;
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
    const next = JSON.stringify([KeyMarker, UploadIdMarker]);
    if (KeyMarker === undefined || seen.has(next)) throw nonsense(doing, 'a listing that goes in circles');
    seen.add(next);
    markers = { KeyMarker, ...(UploadIdMarker === undefined ? {} : { UploadIdMarker }) };
  }
}
