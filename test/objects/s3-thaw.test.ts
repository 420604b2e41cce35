import type { ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { S3ObjectStore } from '../../src/objects/s3.ts';
import { S3_TUNING } from '../../src/objects/s3-tuning.ts';
import { FaultyS3, sendError, sendXml } from '../support/faulty-s3.ts';
import { useCredentials } from '../support/s3-bucket.ts';

const REQUEST = { tier: 'standard', days: 3 } as const;

/** A server with one object, which HEAD describes with `headers`; `answer` is what it says to a request for a thaw. */
async function withObject(headers: Record<string, string>, answer: (response: ServerResponse) => void) {
  const server = new FaultyS3();
  const endpoint = await server.listen();
  onTestFinished(() => server.close());
  useCredentials({ endpoint, region: 'us-east-1', accessKeyId: 'id', secretAccessKey: 'secret' });
  const tuning = { ...S3_TUNING, attempts: 2 };
  const store = await S3ObjectStore.open('s3://bucket/archive', { endpoint, forcePathStyle: true }, tuning);
  const bodies: string[] = [];
  server.interfere = ({ operation, key, body, query }, response) => {
    if (key !== 'archive/k') return false;
    if (operation === 'HEAD object') {
      response.writeHead(200, { etag: '"e"', 'content-length': 5, ...headers }).end();
      return true;
    }
    if (operation !== 'POST object' || !query.has('restore')) return false;
    bodies.push(body.toString());
    answer(response);
    return true;
  };
  return { store, bodies, server };
}

const status = (code: number) => (response: ServerResponse) => void response.writeHead(code).end();
const error = (code: number, name: string) => (response: ServerResponse) =>
  void sendError(response, code, name);

const COLD = { 'x-amz-storage-class': 'GLACIER' };

describe('reading a cold object', () => {
  test.each([
    ['<StorageClass>GLACIER</StorageClass>', 'it is cold, in GLACIER, and must be thawed'],
    [
      '<StorageClass>INTELLIGENT_TIERING</StorageClass><AccessTier>DEEP_ARCHIVE_ACCESS</AccessTier>',
      'it is cold, in DEEP_ARCHIVE_ACCESS, and must be thawed',
    ],
    ['', 'it is cold, and must be thawed'],
  ])('%j says where it lies, and is asked once', async (where, text) => {
    const { store, server } = await withObject(COLD, status(500));
    let gets = 0;
    server.interfere = ({ operation }, response) => {
      if (operation !== 'GET object') return false;
      gets += 1;
      sendXml(response, `<Error><Code>InvalidObjectState</Code><Message>no</Message>${where}</Error>`, 403);
      return true;
    };
    for (const range of [undefined, { offset: 1, length: 2 }])
      await expect(store.get('k', range)).rejects.toMatchObject({
        code: 'object-cold',
        message: expect.stringContaining(`get object k: ${text}`),
        hint: expect.stringContaining('--thaw'),
        retryable: false,
      });
    expect(gets).toBe(2);
  });
});

describe('asking S3 for a thaw', () => {
  test.each([
    ['202, it is asked for', status(202), 'requested'],
    ['200, it was there already', status(200), 'ready'],
    ['409, somebody else was faster', error(409, 'RestoreAlreadyInProgress'), 'in-progress'],
  ])('%s', async (_what, answer, expected) => {
    const { store, bodies } = await withObject(COLD, answer);
    expect(await store.thaw('k', REQUEST)).toBe(expected);
    expect(bodies).toHaveLength(1);
    expect(bodies[0]).toContain('<Days>3</Days>');
    expect(bodies[0]).toContain('<GlacierJobParameters><Tier>Standard</Tier></GlacierJobParameters>');
  });

  test('names no days where Intelligent-Tiering keeps the object', async () => {
    const headers = {
      'x-amz-storage-class': 'INTELLIGENT_TIERING',
      'x-amz-archive-status': 'DEEP_ARCHIVE_ACCESS',
    };
    const { store, bodies } = await withObject(headers, status(202));
    expect(await store.thaw('k', { tier: 'bulk', days: 3 })).toBe('requested');
    expect(bodies[0]).toContain('<Tier>Bulk</Tier>');
    expect(bodies[0]).not.toContain('Days');
  });

  test.each([
    ['is not cold', {}, 'ready'],
    ['is thawed', { ...COLD, 'x-amz-restore': 'ongoing-request="false"' }, 'ready'],
    ['is being thawed', { ...COLD, 'x-amz-restore': 'ongoing-request="true"' }, 'in-progress'],
  ])('asks nothing of an object that %s', async (_what, headers, expected) => {
    const { store, bodies } = await withObject(headers, status(500));
    expect(await store.thaw('k', REQUEST)).toBe(expected);
    expect(bodies).toEqual([]);
  });

  test.each([
    [error(503, 'GlacierExpeditedRetrievalNotAvailable'), 'archive-unreachable'],
    [error(403, 'AccessDenied'), 'archive-denied'],
    [error(404, 'NoSuchKey'), 'object-not-found'],
    [status(204), 'archive-protocol'],
  ])('a refusal is an error of its own %#', async (answer, code) => {
    const { store } = await withObject(COLD, answer);
    await expect(store.thaw('k', REQUEST)).rejects.toMatchObject({
      code,
      message: expect.stringContaining('thaw object k'),
    });
  });
});
