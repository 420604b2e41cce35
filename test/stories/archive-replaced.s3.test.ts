import { describe, expect, test } from 'vitest';
import { openObjectStore } from '../../src/objects/open.ts';
import { freshBucket } from '../support/s3-bucket.ts';
import { hasS3, s3Access } from '../support/s3-provided.ts';
import type { ErrorJson } from './support/answers.ts';
import { DAY_MS, Home } from './support/home.ts';
import { threadOf, writeThreadStore } from './support/rooms.ts';

describe.skipIf(!hasS3)('a bucket that was made anew under the old name', () => {
  test('is not archived into until the operator says so', async () => {
    const bucket = await freshBucket(s3Access());
    const home = await Home.create({
      settings: { archive: bucket.url, s3: bucket.s3, retention: { protectedPruneAfter: '7d' } },
    });
    const thread = { sessionId: 's-1', updatedAtMs: home.nowMs - 9 * DAY_MS, text: 'x'.repeat(2000) };
    await writeThreadStore(home.storePath(), { main: [threadOf('C0A', '1762500000.000001', thread)] });
    await home.json('archive');
    await home.json('verify');
    const objects = await openObjectStore({ url: bucket.url, s3: bucket.s3 });
    const keys: string[] = [];
    for await (const { key } of objects.list('')) keys.push(key);
    for (const key of keys) await objects.delete(key);

    for (const verb of ['archive', 'verify', 'drill']) {
      const { code } = (await home.clawback(verb, '--json')).expect(1).json<ErrorJson>();
      expect(code, verb).toBe('archive-replaced');
    }
    const left: string[] = [];
    for await (const { key } of objects.list('')) left.push(key);
    expect(left).toEqual([]);
  });
});
