import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openObjectStore } from '../../src/objects/open.ts';
import { describeObjectStore, keysOf } from '../conformance/object-store.ts';
import { freshBucket, rawClient, useCredentials } from '../support/s3-bucket.ts';
import { hasS3, s3Access } from '../support/s3-provided.ts';

const MiB = 1 << 20;
const EMPTY = new Uint8Array(0);

async function openFresh() {
  const access = s3Access();
  const location = await freshBucket(access);
  return {
    location,
    bucket: location.bucket,
    raw: rawClient(access),
    store: await openObjectStore(location),
  };
}

describe.skipIf(!hasS3)('MinIO', () => {
  describeObjectStore('s3', { open: async () => (await openFresh()).store });

  test('answers 412 to a conditional PUT on a taken key', async () => {
    const { raw, bucket } = await openFresh();
    const put = () =>
      raw.send(new PutObjectCommand({ Bucket: bucket, Key: 'k', Body: 'x', IfNoneMatch: '*' }));
    await put();
    await expect(put()).rejects.toMatchObject({
      name: 'PreconditionFailed',
      $metadata: { httpStatusCode: 412 },
    });
  });

  test('refuses bytes that do not match their SHA-256', async () => {
    const { raw, bucket } = await openFresh();
    const ChecksumSHA256 = createHash('sha256').update('other').digest('base64');
    const put = raw.send(new PutObjectCommand({ Bucket: bucket, Key: 'k', Body: 'x', ChecksumSHA256 }));
    await expect(put).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
  });

  test('keeps the SHA-256 of a small object and shows it, so that no reading back is needed', async () => {
    const { store } = await openFresh();
    const { sha256 } = await store.put('k', Buffer.from('x'));
    expect(await store.stat('k')).toEqual({ key: 'k', size: 1, sha256 });
  });

  test('gets a large object in parts whose checksum of checksums is ours', async () => {
    const { store, raw, bucket } = await openFresh();
    const writer = store.createWriter('large');
    const parts = [Buffer.alloc(8 * MiB, 1), Buffer.alloc(8 * MiB, 2), Buffer.alloc(1, 3)];
    for (const part of parts) await writer.write(part);
    const stored = await writer.close();
    expect(stored.size).toBe(16 * MiB + 1);
    const head = await raw.send(
      new HeadObjectCommand({ Bucket: bucket, Key: 'archive/large', ChecksumMode: 'ENABLED' }),
    );
    const digests = parts.map((part) => createHash('sha256').update(part).digest());
    expect(head.ChecksumSHA256).toBe(
      `${createHash('sha256').update(Buffer.concat(digests)).digest('base64')}-3`,
    );
    expect(await store.stat('large')).toEqual({ key: 'large', size: 16 * MiB + 1 });
  });

  test('gets an object of up to 8 MiB in one request', async () => {
    const { store } = await openFresh();
    const writer = store.createWriter('medium');
    for (let i = 0; i < 8; i += 1) await writer.write(Buffer.alloc(MiB, i));
    const { sha256 } = await writer.close();
    expect(await store.stat('medium')).toEqual({ key: 'medium', size: 8 * MiB, sha256 });
  });

  test('recognises a large object that somebody else uploaded in other parts', async () => {
    const { store, raw, bucket } = await openFresh();
    const bytes = Buffer.alloc(17 * MiB, 'abc');
    await raw.send(new PutObjectCommand({ Bucket: bucket, Key: 'archive/large', Body: bytes }));
    const writer = store.createWriter('large');
    await writer.write(bytes);
    expect(await writer.close()).toMatchObject({ size: 17 * MiB });
  });

  test('gives up the uploads of a crashed run, and leaves those of others in the same bucket', async () => {
    const { store, raw, bucket } = await openFresh();
    for (const Key of ['archive/one/packs/1', 'archive/two/packs/1', 'elsewhere/1', 'archive-2/one/1']) {
      const { UploadId } = await raw.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }));
      await raw.send(new UploadPartCommand({ Bucket: bucket, Key, UploadId, PartNumber: 1, Body: 'x' }));
    }
    expect(await store.abortStaleUploads('one/')).toBe(1);
    expect(await store.abortStaleUploads('one/')).toBe(0);
    expect(await store.abortStaleUploads('')).toBe(1);
    const { Uploads = [] } = await raw.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    expect(Uploads.map(({ Key }) => Key).sort()).toEqual(['archive-2/one/1', 'elsewhere/1']);
  });

  test('lists more keys than fit one answer', async () => {
    const { store } = await openFresh();
    const keys = Array.from({ length: 1_050 }, (_, i) => `many/${String(i).padStart(5, '0')}`);
    for (let i = 0; i < keys.length; i += 50) {
      await Promise.all(keys.slice(i, i + 50).map((key) => store.put(key, Buffer.from('x'))));
    }
    expect(await keysOf(store, 'many/')).toEqual(keys);
  });

  test('shows only what lies below the prefix of the archive URL, and no names that no key can have', async () => {
    const { store, raw, bucket } = await openFresh();
    for (const Key of [
      'archive/a/1',
      'archive/Folder/',
      'archive/a/',
      'archive/UPPER',
      'archive-2/a/1',
      'a/1',
    ]) {
      await raw.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Key.endsWith('/') ? EMPTY : 'x' }));
    }
    expect(await keysOf(store, '')).toEqual(['a/1']);
  });

  test('works without a prefix too', async () => {
    const { location, bucket } = await openFresh();
    const store = await openObjectStore({ ...location, url: `s3://${bucket}` });
    await store.put('a/1', Buffer.from('x'));
    expect(await keysOf(store, '')).toEqual(['a/1']);
  });

  test('says which bucket is missing, for every call', async () => {
    const { location } = await openFresh();
    const store = await openObjectStore({ ...location, url: 's3://no-such-bucket-here/archive' });
    const missing = {
      code: 'archive-unreachable',
      retryable: false,
      message: expect.stringContaining('there is no bucket no-such-bucket-here'),
      hint: expect.stringContaining('aws s3 mb s3://no-such-bucket-here'),
    };
    await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject(missing);
    await expect(store.get('a')).rejects.toMatchObject(missing);
    await expect(store.get('a', { offset: 0, length: 1 })).rejects.toMatchObject(missing);
    await expect(store.stat('a')).rejects.toMatchObject(missing);
    await expect(store.delete('a')).rejects.toMatchObject(missing);
    await expect(keysOf(store, '')).rejects.toMatchObject(missing);
    await expect(store.abortStaleUploads('')).rejects.toMatchObject(missing);
  });

  test('refuses wrong credentials, which no message repeats', async () => {
    const { location } = await openFresh();
    const access = s3Access();
    onTestFinished(() => useCredentials(access));
    for (const wrong of [
      { ...access, secretAccessKey: 'WRONGSECRET' },
      { ...access, accessKeyId: 'WRONGID' },
    ]) {
      useCredentials(wrong);
      const store = await openObjectStore(location);
      const put = () => store.put('a', Buffer.from('x'));
      for (const call of [put, () => store.stat('a'), () => store.get('a'), () => keysOf(store, '')]) {
        const error: unknown = await call().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'archive-denied' });
        expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/WRONG|authorization/i);
      }
    }
  });

  test('names the setting when it does not know a storage class or cannot encrypt', async () => {
    const { location } = await openFresh();
    const cold = await openObjectStore({
      ...location,
      s3: { ...location.s3, storageClass: 'NO_SUCH_CLASS' },
    });
    await expect(cold.put('a', Buffer.from('x'))).rejects.toMatchObject({
      code: 'config-invalid',
      hint: expect.stringContaining('s3.storageClass'),
    });
    const encrypted = await openObjectStore({ ...location, s3: { ...location.s3, sse: 'AES256' } });
    await expect(encrypted.put('a', Buffer.from('x'))).rejects.toMatchObject({
      code: 'archive-protocol',
      hint: expect.stringContaining('s3.sse'),
    });
  });

  test('stores with the storage class that the config asks for', async () => {
    const { location, raw, bucket } = await openFresh();
    const store = await openObjectStore({
      ...location,
      s3: { ...location.s3, storageClass: 'REDUCED_REDUNDANCY' },
    });
    await store.put('a', Buffer.from('x'));
    const head = await raw.send(new HeadObjectCommand({ Bucket: bucket, Key: 'archive/a' }));
    expect(head.StorageClass).toBe('REDUCED_REDUNDANCY');
  });
});
