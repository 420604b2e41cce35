import { createHash, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { S3ObjectStore } from '../../src/objects/s3.ts';
import { S3_TUNING, type S3Tuning } from '../../src/objects/s3-tuning.ts';
import { describeObjectStore, expectCode, keysOf } from '../conformance/object-store.ts';
import { etagOf, type FaultyRequest, FaultyS3, sendError, sendList, sendXml } from '../support/faulty-s3.ts';
import { useCredentials } from '../support/s3-bucket.ts';

const QUICK: S3Tuning = {
  ...S3_TUNING,
  connectMs: 1000,
  idleMs: 150,
  callMs: 5000,
  attempts: 3,
  pauseMs: 5,
  retryMode: 'standard',
};
/** Multipart uploads of a few hundred bytes. */
const SMALL_PARTS: S3Tuning = { ...QUICK, partBytes: 50 };

async function openFaulty(tuning = QUICK) {
  const server = new FaultyS3();
  const endpoint = await server.listen();
  onTestFinished(() => server.close());
  useCredentials({ endpoint, region: 'us-east-1', accessKeyId: 'id', secretAccessKey: 'secret' });
  const store = await S3ObjectStore.open('s3://bucket/archive', { endpoint, forcePathStyle: true }, tuning);
  return { server, store, endpoint };
}

/** Lets a fault happen to the first `times` requests that it would happen to. */
function first(
  times: number,
  operation: string,
  fault: (request: FaultyRequest, response: ServerResponse) => void,
) {
  let left = times;
  return (request: FaultyRequest, response: ServerResponse): boolean => {
    if (request.operation !== operation || left === 0) return false;
    left -= 1;
    fault(request, response);
    return true;
  };
}

const always = (operation: string, fault: (request: FaultyRequest, response: ServerResponse) => unknown) =>
  first(Number.POSITIVE_INFINITY, operation, fault);

const webPage = (_request: FaultyRequest, response: ServerResponse) =>
  response
    .writeHead(200, { 'content-type': 'text/html; charset=utf-8', etag: '"page"' })
    .end('<html>Log in</html>');

const TEXT = Buffer.from('0123456789');

// The honest server, so that a failing fault test is about the fault.
describeObjectStore('s3 (a server that keeps no checksums)', {
  open: async () => (await openFaulty(S3_TUNING)).store,
});

describe('a server that is slow or away', () => {
  for (const operation of [
    'PUT object',
    'HEAD object',
    'GET object',
    'DELETE object',
    'GET list',
    'GET uploads',
  ]) {
    test(`is given up when it never answers ${operation}`, async () => {
      const { server, store } = await openFaulty({ ...QUICK, attempts: 2 });
      server.objects.set('archive/k', TEXT);
      server.interfere = always(operation, () => {});
      const calls: Record<string, () => Promise<unknown>> = {
        'PUT object': () => store.put('new', TEXT),
        'HEAD object': () => store.stat('k'),
        'GET object': () => store.get('k'),
        'DELETE object': () => store.delete('k'),
        'GET list': () => keysOf(store, ''),
        'GET uploads': () => store.abortStaleUploads(''),
      };
      await expect(calls[operation]?.()).rejects.toMatchObject({
        code: 'archive-unreachable',
        retryable: true,
      });
    });
  }

  test('is given up when it trickles, though it is never silent', async () => {
    const { server, store } = await openFaulty({ ...QUICK, attempts: 1, callMs: 300 });
    server.interfere = always('GET object', (_request, response) => {
      response.writeHead(200, { etag: '"x"', 'content-length': 10_000 });
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    await expect(store.get('k')).rejects.toThrow('get object k: not done within');
  });

  test('is asked again when it stalls or breaks off amid a body', async () => {
    for (const fault of ['stall', 'break'] as const) {
      const { server, store } = await openFaulty();
      server.objects.set('archive/k', TEXT);
      const half = (_request: FaultyRequest, response: ServerResponse) => {
        response.writeHead(200, { etag: '"x"', 'content-length': 10 });
        response.write('01234', () => {
          if (fault === 'break') response.destroy();
        });
      };
      server.interfere = first(1, 'GET object', half);
      expect(Buffer.from(await store.get('k'))).toEqual(TEXT);
      server.interfere = always('GET object', half);
      await expect(store.get('k')).rejects.toMatchObject({ code: 'archive-unreachable', retryable: true });
    }
  });

  test('is asked again when it answers 500, 503 or 429, and given up in the end', async () => {
    for (const status of [500, 503, 429]) {
      const { server, store } = await openFaulty();
      server.interfere = first(1, 'PUT object', (_request, response) =>
        sendError(response, status, 'Trouble'),
      );
      await store.put('k', TEXT);
      expect(server.objects.get('archive/k')).toEqual(TEXT);
      server.interfere = always('GET object', (_request, response) => sendError(response, status, 'Trouble'));
      await expect(store.get('k')).rejects.toMatchObject({ code: 'archive-unreachable', retryable: true });
    }
  });

  test('is asked more slowly once it has said SlowDown', async () => {
    const { server, store } = await openFaulty({ ...QUICK, retryMode: 'adaptive' });
    server.interfere = first(1, 'PUT object', (_request, response) => sendError(response, 503, 'SlowDown'));
    const startMs = performance.now();
    await store.put('k', TEXT);
    expect(performance.now() - startMs).toBeGreaterThan(200);
    expect(server.objects.get('archive/k')).toEqual(TEXT);
  });

  test('is asked again after a reset connection', async () => {
    const { server, store } = await openFaulty();
    server.interfere = first(2, 'PUT object', (_request, response) => response.destroy());
    await store.put('k', TEXT);
    expect(server.objects.get('archive/k')).toEqual(TEXT);
  });

  test('is named as unreachable when nothing listens there', async () => {
    const { server, store } = await openFaulty();
    await server.close();
    await expect(store.put('k', TEXT)).rejects.toMatchObject({
      code: 'archive-unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
      hint: expect.stringContaining('s3.endpoint'),
    });
  });

  test('does not keep a caller waiting who has left', async () => {
    const { server, store } = await openFaulty({ ...QUICK, idleMs: 60_000, callMs: 60_000 });
    const controller = new AbortController();
    server.interfere = () => {
      controller.abort();
      return true;
    };
    await expectCode(store.put('k', TEXT, controller.signal), 'interrupted');
  });
});

describe('an answer that is not what it seems', () => {
  test('a web page is never taken for success, an object or an empty bucket', async () => {
    const { server, store } = await openFaulty(SMALL_PARTS);
    server.objects.set('archive/k', TEXT);
    const upload = async () => {
      const writer = store.createWriter('large');
      await writer.write(Buffer.alloc(500));
      await writer.close();
    };
    const calls: ReadonlyArray<readonly [string, () => Promise<unknown>]> = [
      ['PUT object', () => store.put('new', TEXT)],
      ['HEAD object', () => store.stat('k')],
      ['GET object', () => store.get('k')],
      ['GET object', () => store.get('k', { offset: 0, length: 3 })],
      ['GET list', () => keysOf(store, '')],
      ['GET uploads', () => store.abortStaleUploads('')],
      ['DELETE object', () => store.delete('k')],
      ['POST create', upload],
      ['PUT part', upload],
      ['POST complete', upload],
    ];
    for (const [operation, call] of calls) {
      server.interfere = always(operation, webPage);
      await expectCode(call(), 'archive-protocol');
    }
    expect([...server.objects.keys()]).toEqual(['archive/k']);
  });

  test('a bare 200 without what S3 always says is no success either', async () => {
    const { server, store } = await openFaulty(SMALL_PARTS);
    server.objects.set('archive/k', TEXT);
    for (const [operation, call] of [
      ['PUT object', () => store.put('new', TEXT)],
      ['HEAD object', () => store.stat('k')],
      ['GET object', () => store.get('k')],
      ['GET list', () => keysOf(store, '')],
      ['GET uploads', () => store.abortStaleUploads('')],
      ['DELETE object', () => store.delete('k')],
    ] as const) {
      server.interfere = always(operation, (_request, response) => response.writeHead(200).end());
      await expectCode(call(), 'archive-protocol');
    }
  });

  test("a proxy's 404 page does not make an object missing", async () => {
    const { server, store } = await openFaulty();
    server.interfere = () => false;
    for (const operation of ['GET object', 'GET list', 'PUT object'] as const) {
      server.interfere = always(operation, (_request, response) => {
        response
          .writeHead(404, { 'content-type': 'text/html' })
          .end('<html><body>Not here<br></body></html>');
      });
      const calls = {
        'GET object': () => store.get('k'),
        'GET list': () => keysOf(store, ''),
        'PUT object': () => store.put('k', TEXT),
      };
      await expectCode(calls[operation](), 'archive-protocol');
    }
  });

  test('a short body without a length is found by asking for the length', async () => {
    const { server, store } = await openFaulty();
    server.objects.set('archive/k', TEXT);
    server.interfere = always('GET object', (_request, response) => {
      response.writeHead(200, { etag: '"x"', connection: 'close' });
      response.useChunkedEncodingByDefault = false;
      response.end('01234');
    });
    await expectCode(store.get('k'), 'object-corrupt');
  });

  test('a body longer than was said is refused', async () => {
    const { server, store } = await openFaulty();
    server.objects.set('archive/k', TEXT);
    server.interfere = always('GET object', (_request, response) => {
      response.writeHead(200, { etag: '"x"' });
      response.end('0123456789 and more');
    });
    await expectCode(store.get('k'), 'archive-protocol');
  });

  test('a range is never answered with other bytes', async () => {
    const { server, store } = await openFaulty();
    server.objects.set('archive/k', TEXT);
    const ask = () => store.get('k', { offset: 2, length: 3 });
    const answer = (status: number, headers: Record<string, string>, body: string) => {
      server.interfere = always('GET object', (_request, response) => {
        response.writeHead(status, { etag: '"x"', 'content-length': body.length, ...headers }).end(body);
      });
    };
    answer(200, {}, '0123456789');
    await expectCode(ask(), 'archive-protocol');
    answer(200, {}, '012');
    await expectCode(ask(), 'archive-protocol');
    answer(206, {}, '234');
    await expectCode(ask(), 'archive-protocol');
    answer(206, { 'content-range': 'bytes 0-2/10' }, '012');
    await expectCode(ask(), 'archive-protocol');
    answer(206, { 'content-range': 'bytes 2-9/10' }, '23456789');
    await expectCode(ask(), 'archive-protocol');
    answer(206, { 'content-range': 'bytes 2-3/4' }, '23');
    await expectCode(ask(), 'object-corrupt');
    answer(206, { 'content-range': 'bytes 2-4/10' }, '23');
    await expectCode(ask(), 'object-corrupt');
    answer(206, { 'content-range': 'bytes 2-4/10' }, '234');
    expect(Buffer.from(await ask()).toString()).toBe('234');
  });

  test('a server that ignores ranges may still give a whole object for the range of all its bytes', async () => {
    const { server, store } = await openFaulty();
    server.interfere = always('GET object', (_request, response) => {
      response.writeHead(200, { etag: '"x"', 'content-length': 10 }).end(TEXT);
    });
    expect(Buffer.from(await store.get('k', { offset: 0, length: 10 }))).toEqual(TEXT);
  });

  test('put tells the SHA-256 of what it was given, so that reading back finds what the server spoiled', async () => {
    const { server, store } = await openFaulty();
    const bytes = randomBytes(1000);
    server.interfere = always('PUT object', ({ key, body }, response) => {
      const spoiled = Buffer.from(body);
      spoiled[500] = (spoiled[500] ?? 0) ^ 1;
      server.objects.set(key, spoiled);
      response.writeHead(200, { etag: etagOf(body) }).end();
    });
    const { sha256 } = await store.put('k', bytes);
    expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    const readBack = await store.get('k');
    expect(createHash('sha256').update(readBack).digest('hex')).not.toBe(sha256);
    await expectCode(store.put('k', bytes), 'object-exists');
  });
});

describe('a write whose fate is uncertain', () => {
  test('succeeds when the object was stored and only the reply was lost', async () => {
    const { server, store } = await openFaulty();
    server.interfere = first(1, 'PUT object', ({ key, body }, response) => {
      server.objects.set(key, body);
      response.destroy();
    });
    expect(await store.put('k', TEXT)).toMatchObject({ size: 10 });
    expect(server.log).toEqual(['HEAD object', 'PUT object', 'PUT object', 'HEAD object', 'GET object']);
  });

  test('is refused when somebody else took the key in the meantime', async () => {
    const { server, store } = await openFaulty();
    server.interfere = first(1, 'PUT object', ({ key }, response) => {
      server.objects.set(key, Buffer.from('abcdefghij'));
      sendError(response, 412, 'PreconditionFailed');
    });
    await expectCode(store.put('k', TEXT), 'object-exists');
    expect(server.objects.get('archive/k')?.toString()).toBe('abcdefghij');
  });

  test('is tried again after 409, which S3 answers to two writers at once', async () => {
    const { server, store } = await openFaulty();
    server.interfere = first(1, 'PUT object', (_request, response) =>
      sendError(response, 409, 'ConditionalRequestConflict'),
    );
    await store.put('k', TEXT);
    server.interfere = always('PUT object', (_request, response) =>
      sendError(response, 409, 'ConditionalRequestConflict'),
    );
    await expect(store.put('k2', TEXT)).rejects.toMatchObject({
      code: 'archive-unreachable',
      retryable: true,
    });
  });

  test('never overwrites on a server that ignores conditions', async () => {
    const { server, store } = await openFaulty(SMALL_PARTS);
    server.honoursConditions = false;
    await store.put('k', TEXT);
    await store.put('k', TEXT);
    await expectCode(store.put('k', Buffer.from('abcdefghij')), 'object-exists');
    const writer = store.createWriter('k');
    await writer.write(Buffer.alloc(500));
    await expectCode(writer.close(), 'object-exists');
    expect(server.objects.get('archive/k')).toEqual(TEXT);
  });

  test('goes without a condition on a server that refuses them', async () => {
    const { server, store } = await openFaulty();
    let refusals = 0;
    server.interfere = ({ operation, headers }, response) => {
      if (operation !== 'PUT object' || headers['if-none-match'] === undefined) return false;
      refusals += 1;
      sendError(response, 501, 'NotImplemented');
      return true;
    };
    await store.put('k', TEXT);
    await store.put('k2', TEXT);
    await expectCode(store.put('k', Buffer.from('other')), 'object-exists');
    expect(refusals).toBe(1);
    expect([...server.objects.keys()]).toEqual(['archive/k', 'archive/k2']);
  });
});

describe('an upload in parts', () => {
  const BYTES = randomBytes(520);

  async function upload(store: S3ObjectStore, bytes = BYTES) {
    const writer = store.createWriter('large');
    for (let offset = 0; offset < bytes.byteLength; offset += 33)
      await writer.write(bytes.subarray(offset, offset + 33));
    return writer.close();
  }

  test('survives a part that has to be sent again', async () => {
    const { server, store } = await openFaulty(SMALL_PARTS);
    server.interfere = first(2, 'PUT part', (_request, response) => sendError(response, 503, 'SlowDown'));
    await upload(store);
    expect(server.objects.get('archive/large')).toEqual(BYTES);
    expect(server.uploads.size).toBe(0);
  });

  test('leaves nothing when a part fails for good', async () => {
    const { server, store } = await openFaulty(SMALL_PARTS);
    server.interfere = always('PUT part', (_request, response) => sendError(response, 403, 'AccessDenied'));
    await expectCode(upload(store), 'archive-denied');
    expect(server.uploads.size).toBe(0);
    expect(server.objects.size).toBe(0);
  });

  test('leaves nothing when its caller leaves amid a part', async () => {
    const { server, store } = await openFaulty({ ...SMALL_PARTS, idleMs: 60_000 });
    const controller = new AbortController();
    server.interfere = always('PUT part', () => controller.abort());
    const writer = store.createWriter('large', controller.signal);
    const writing = (async () => {
      await writer.write(BYTES);
      await writer.close();
    })();
    await expectCode(writing, 'interrupted');
    expect(server.uploads.size).toBe(0);
  });

  test('is not done when the 200 holds an error', async () => {
    const { server, store } = await openFaulty(SMALL_PARTS);
    server.interfere = always('POST complete', (_request, response) =>
      sendXml(response, '<Error><Code>InternalError</Code><Message>as told</Message></Error>'),
    );
    await expectCode(upload(store), 'archive-unreachable');
    expect(server.uploads.size).toBe(0);
    expect(server.objects.size).toBe(0);
  });

  test('is done when the parts were joined and only the reply was lost', async () => {
    const { server, store } = await openFaulty(SMALL_PARTS);
    server.interfere = first(1, 'POST complete', (request, response) => {
      const uploadId = request.query.get('uploadId') ?? '';
      server.objects.set(
        request.key,
        Buffer.concat([...(server.uploads.get(uploadId) ?? [])].map(([, part]) => part)),
      );
      server.uploads.delete(uploadId);
      response.destroy();
    });
    expect(await upload(store)).toMatchObject({ size: BYTES.byteLength });
  });

  test('is refused when the server joined fewer bytes than were sent', async () => {
    const { server, store } = await openFaulty(SMALL_PARTS);
    server.interfere = first(1, 'POST complete', ({ key }, response) => {
      server.objects.set(key, BYTES.subarray(0, 500));
      sendXml(response, '<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>');
    });
    await expectCode(upload(store), 'object-corrupt');
  });

  test('is refused when somebody else took the key in the meantime', async () => {
    const { server, store } = await openFaulty(SMALL_PARTS);
    server.interfere = first(1, 'PUT part', (request, response) => {
      server.objects.set('archive/large', Buffer.from('theirs'));
      server.behave(request, response);
    });
    await expectCode(upload(store), 'object-exists');
    expect(server.objects.get('archive/large')?.toString()).toBe('theirs');
    expect(server.uploads.size).toBe(0);
  });

  test('sends no bytes for a key that is taken', async () => {
    const { server, store } = await openFaulty(SMALL_PARTS);
    await upload(store);
    server.log.length = 0;
    await upload(store);
    expect(server.log.filter((operation) => !/^(?:HEAD|GET) object$/.test(operation))).toEqual([]);
  });

  test('says so when it needs more parts than S3 takes', async () => {
    const { server, store } = await openFaulty({ ...SMALL_PARTS, maxParts: 4 });
    await expect(upload(store, BYTES.subarray(0, 200))).resolves.toMatchObject({ size: 200 });
    server.objects.clear();
    await expect(upload(store)).rejects.toMatchObject({
      code: 'archive-io',
      message: expect.stringContaining('4 parts'),
    });
    expect(server.uploads.size).toBe(0);
  });

  test('has at most two parts on their way at once', async () => {
    const { server, store } = await openFaulty(SMALL_PARTS);
    const waiting: Array<() => void> = [];
    let most = 0;
    server.interfere = ({ operation, ...request }, response) => {
      if (operation !== 'PUT part') return false;
      waiting.push(() => server.behave({ operation, ...request }, response));
      most = Math.max(most, waiting.length);
      // Answer the oldest once the next part has had every chance to arrive.
      setTimeout(() => waiting.shift()?.(), 10);
      return true;
    };
    await upload(store);
    expect(most).toBe(2);
  });
});

describe('a listing that cannot be trusted', () => {
  test('is refused when it repeats a token, gives none, or goes backwards', async () => {
    const { server, store } = await openFaulty();
    const page = (keys: string[], token?: string) =>
      always('GET list', (_request, response) => sendList(response, keys, token));
    server.interfere = page([], 'again');
    await expectCode(keysOf(store, ''), 'archive-protocol');
    server.interfere = page(['archive/a'], 'again');
    await expectCode(keysOf(store, ''), 'archive-protocol');
    server.interfere = page(['archive/b', 'archive/a']);
    await expectCode(keysOf(store, ''), 'archive-protocol');
    server.interfere = always('GET list', (_request, response) => {
      sendXml(
        response,
        '<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>true</IsTruncated></ListBucketResult>',
      );
    });
    await expectCode(keysOf(store, ''), 'archive-protocol');
  });

  test('is refused when it holds keys that were not asked for', async () => {
    const { server, store } = await openFaulty();
    server.interfere = always('GET list', (_request, response) =>
      sendList(response, ['archive/a/1', 'other/1']),
    );
    await expectCode(keysOf(store, 'a/'), 'archive-protocol');
  });

  test('is read without the names that no key can have', async () => {
    const { server, store } = await openFaulty();
    const hostile = [
      'archive/',
      'archive/../../etc/passwd',
      'archive/.hidden',
      'archive//',
      'archive/a&#x1;b',
      'archive/a\\b',
    ];
    const kept = ['archive/__proto__', 'archive/constructor', 'archive/ok'];
    server.interfere = always('GET list', (_request, response) => sendList(response, [...hostile, ...kept]));
    expect(await keysOf(store, '')).toEqual(['__proto__', 'constructor', 'ok']);
  });

  test('is followed over pages, also empty ones', async () => {
    const { server, store } = await openFaulty();
    const pages: Record<string, readonly [string[], string?]> = {
      '': [['archive/a'], 'one'],
      one: [[], 'two'],
      two: [['archive/b']],
    };
    server.interfere = always('GET list', ({ query }, response) => {
      const [keys, token] = pages[query.get('continuation-token') ?? ''] ?? [[]];
      sendList(response, keys, token);
    });
    expect(await keysOf(store, '')).toEqual(['a', 'b']);
  });
});

describe('a server that refuses', () => {
  test('is told apart by what helps', async () => {
    const { server, store } = await openFaulty();
    for (const [status, name, code, hint] of [
      [403, 'AccessDenied', 'archive-denied', 'aws s3 ls s3://bucket'],
      [400, 'ExpiredToken', 'archive-denied', 'AWS_SESSION_TOKEN'],
      [403, 'RequestTimeTooSkewed', 'archive-denied', 'clock'],
      [404, 'NoSuchBucket', 'archive-unreachable', 'aws s3 mb s3://bucket'],
      [403, 'InvalidObjectState', 'object-cold', '--thaw'],
      [503, 'GlacierExpeditedRetrievalNotAvailable', 'archive-unreachable', '--thaw standard'],
      [507, 'XMinioStorageFull', 'archive-io', 'make room'],
      [400, 'XAmzContentChecksumMismatch', 'object-corrupt', 'run again'],
      [400, 'SomethingNew', 'archive-protocol', 's3.endpoint'],
    ] as const) {
      server.interfere = always('GET object', (_request, response) => sendError(response, status, name));
      await expect(store.get('k'), name).rejects.toMatchObject({ code, hint: expect.stringContaining(hint) });
    }
  });

  test('to HEAD, which has no body, is denied or without a bucket, never without an object', async () => {
    const { server, store } = await openFaulty();
    server.interfere = always('HEAD object', (_request, response) => response.writeHead(403).end());
    await expectCode(store.stat('k'), 'archive-denied');
    server.interfere = always('HEAD bucket', (_request, response) => response.writeHead(404).end());
    await expectCode(store.stat('k'), 'archive-unreachable');
  });
});
