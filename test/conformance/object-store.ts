import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { freeNow } from '../../src/free-now.ts';
import type { ObjectStat, ObjectStore, ObjectWriter } from '../../src/objects/object-store.ts';

export interface ObjectStoreUnderTest {
  /** A store with nothing in it, of its own for every call. */
  open(): Promise<ObjectStore>;
  /** Whether an abandoned writer leaves something behind that `abortStaleUploads` counts. @default true */
  readonly leavesUploads?: boolean;
}

const MiB = 1 << 20;

/** The contract of `ObjectStore`, in executable form. Every adapter's test calls it. */
export function describeObjectStore(
  name: string,
  { open, leavesUploads = true }: ObjectStoreUnderTest,
): void {
  describe(`${name} as an object store`, () => {
    test('gives back what was put, with its size and SHA-256', async () => {
      const store = await open();
      const bytes = randomBytes(100_000);
      expect(await store.put('a/one.bin', bytes)).toEqual({
        key: 'a/one.bin',
        size: 100_000,
        sha256: sha256(bytes),
      });
      expect(sha256(await store.get('a/one.bin'))).toBe(sha256(bytes));
      const stat = await store.stat('a/one.bin');
      expect(stat).toMatchObject({ key: 'a/one.bin', size: 100_000 });
      expect(stat.sha256 ?? sha256(bytes)).toBe(sha256(bytes));
    });

    test('keeps its own copy of what it is given and hands out copies', async () => {
      const store = await open();
      const bytes = Buffer.from('before');
      await store.put('a/copy', bytes);
      bytes.fill('x');
      (await store.get('a/copy')).fill(0);
      expect(text(await store.get('a/copy'))).toBe('before');
    });

    test('hands out bytes that the caller may free at once', async () => {
      const store = await open();
      const bytes = randomBytes(100_000);
      await store.put('a/large', bytes);
      freeNow(await store.get('a/large'));
      freeNow(await store.get('a/large', { offset: 10, length: 90_000 }));
      expect(sha256(await store.get('a/large'))).toBe(sha256(bytes));
    });

    test('a writer holds nothing of what it has taken', async () => {
      const store = await open();
      const bytes = randomBytes(9 * MiB);
      const expected = sha256(bytes);
      const writer = store.createWriter('w/taken');
      for (let offset = 0; offset < bytes.byteLength; offset += 3 * MiB) {
        const piece = Uint8Array.from(bytes.subarray(offset, offset + 3 * MiB));
        await writer.write(piece);
        freeNow(piece);
      }
      expect(await writer.close()).toMatchObject({ sha256: expected });
      expect(sha256(await store.get('w/taken'))).toBe(expected);
    });

    test('stores an object without bytes', async () => {
      const store = await open();
      expect(await store.put('empty', new Uint8Array(0))).toMatchObject({ size: 0, sha256: sha256('') });
      expect(await store.get('empty')).toHaveLength(0);
      expect(await store.get('empty', { offset: 0, length: 0 })).toHaveLength(0);
      expect(await store.stat('empty')).toMatchObject({ size: 0 });
      expect(await keysOf(store, '')).toEqual(['empty']);
    });

    test('takes the same bytes under the same key again, and refuses others', async () => {
      const store = await open();
      await store.put('a/k', Buffer.from('first'));
      await expect(store.put('a/k', Buffer.from('first'))).resolves.toMatchObject({ size: 5 });
      await expectCode(store.put('a/k', Buffer.from('other')), 'object-exists');
      await expectCode(store.put('a/k', Buffer.from('longer than first')), 'object-exists');
      await expectCode(store.put('a/k', new Uint8Array(0)), 'object-exists');
      expect(text(await store.get('a/k'))).toBe('first');
    });

    test('of many writers of one key at once, all with the same bytes, every one succeeds', async () => {
      const store = await open();
      const puts = Array.from({ length: 12 }, () => store.put('a/race', Buffer.from('the same')));
      expect(new Set((await Promise.all(puts)).map(({ sha256 }) => sha256)).size).toBe(1);
      expect(await keysOf(store, '')).toEqual(['a/race']);
    });

    test('of many writers of one key at once with different bytes, one succeeds and its bytes stay', async () => {
      const store = await open();
      const puts = Array.from({ length: 8 }, (_, i) => store.put('a/race', Buffer.from(`writer ${i}`)));
      const results = await Promise.allSettled(puts);
      const winners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(winners).toHaveLength(1);
      expect(sha256(await store.get('a/race'))).toBe(winners[0]?.sha256);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'object-exists' });
      }
    });

    test('gives exactly the range that was asked for', async () => {
      const store = await open();
      await store.put('r', Buffer.from('0123456789'));
      expect(text(await store.get('r', { offset: 0, length: 1 }))).toBe('0');
      expect(text(await store.get('r', { offset: 3, length: 4 }))).toBe('3456');
      expect(text(await store.get('r', { offset: 9, length: 1 }))).toBe('9');
      expect(text(await store.get('r', { offset: 0, length: 10 }))).toBe('0123456789');
      expect(await store.get('r', { offset: 10, length: 0 })).toHaveLength(0);
    });

    test('refuses a range that goes past the end, instead of giving what there is', async () => {
      const store = await open();
      await store.put('r', Buffer.from('0123456789'));
      await expectCode(store.get('r', { offset: 5, length: 6 }), 'object-corrupt');
      await expectCode(store.get('r', { offset: 10, length: 1 }), 'object-corrupt');
      await expectCode(store.get('r', { offset: 999, length: 1 }), 'object-corrupt');
      await expectCode(store.get('r', { offset: 11, length: 0 }), 'object-corrupt');
    });

    test('refuses a range that is none', async () => {
      const store = await open();
      await store.put('r', Buffer.from('0123456789'));
      for (const range of [
        { offset: -1, length: 2 },
        { offset: 0, length: -1 },
        { offset: 0.5, length: 1 },
        { offset: 0, length: Number.NaN },
      ]) {
        await expectCode(store.get('r', range), 'internal');
      }
    });

    test('says not found for what is not there, also where other keys continue it', async () => {
      const store = await open();
      await expectCode(store.get('nothing/here'), 'object-not-found');
      await store.put('a/b/c', Buffer.from('x'));
      for (const key of ['a', 'a/b', 'a/b/c/d', 'a/b/cc', 'b']) {
        await expectCode(store.get(key), 'object-not-found');
        await expectCode(store.get(key, { offset: 0, length: 1 }), 'object-not-found');
        await expectCode(store.stat(key), 'object-not-found');
      }
    });

    test('lists keys by prefix in ascending order, across what looks like folders', async () => {
      const store = await open();
      const keys = ['a', 'b-c', 'b/a/deep', 'b/b', 'b.x', 'b=1', 'b0', 'ba/z', 'z/1', 'z/10', 'z/2'];
      for (const key of keys) await store.put(key, Buffer.from(key));
      const sorted = [...keys].sort();
      expect(await keysOf(store, '')).toEqual(sorted);
      for (const prefix of ['b', 'b/', 'b/a/', 'b/a/de', 'z/1', 'z/1', 'a', 'nothing', 'nothing/']) {
        expect(await keysOf(store, prefix), prefix).toEqual(sorted.filter((key) => key.startsWith(prefix)));
      }
      expect((await entriesOf(store, 'b/')).map(({ size }) => size)).toEqual([8, 3]);
    });

    test('lists nothing where nothing was ever written', async () => {
      const store = await open();
      expect(await keysOf(store, '')).toEqual([]);
      expect(await keysOf(store, 'some/where/')).toEqual([]);
    });

    test('removes an object, and what is not there', async () => {
      const store = await open();
      await store.put('a/b', Buffer.from('x'));
      await store.put('a/c', Buffer.from('y'));
      await store.delete('a/b');
      await store.delete('a/b');
      await store.delete('never/was');
      await expectCode(store.get('a/b'), 'object-not-found');
      expect(await keysOf(store, '')).toEqual(['a/c']);
      await store.put('a/b', Buffer.from('other bytes are fine now'));
      expect(text(await store.get('a/b'))).toBe('other bytes are fine now');
    });

    test('refuses keys that could lead out of the store or into hidden names', async () => {
      const store = await open();
      const bad = [
        '',
        '/',
        '/a',
        'a/',
        'a//b',
        '.',
        '..',
        '../a',
        'a/../b',
        'a/.b',
        '.tmp/x',
        'A',
        'a b',
        'ä',
        'a\0b',
      ];
      for (const key of [...bad, 'a\\b', 'a\n', 'a?b', 'a%2fb', 'x'.repeat(513)]) {
        await expectCode(store.put(key, Buffer.from('x')), 'object-invalid-key');
        await expectCode(store.get(key), 'object-invalid-key');
        await expectCode(store.stat(key), 'object-invalid-key');
        await expectCode(store.delete(key), 'object-invalid-key');
        expect(() => store.createWriter(key), key).toThrow(
          expect.objectContaining({ code: 'object-invalid-key' }),
        );
      }
      for (const prefix of ['/', '../', 'a/../', '.tmp/', 'A', 'a//']) {
        await expectCode(keysOf(store, prefix), 'object-invalid-key');
        await expectCode(store.abortStaleUploads(prefix), 'object-invalid-key');
        await expectCode(uploadsOf(store, prefix), 'object-invalid-key');
      }
      expect(await keysOf(store, '')).toEqual([]);
    });

    test('takes keys of 512 characters', async () => {
      const store = await open();
      const key = `${'k'.repeat(199)}/${'l'.repeat(199)}/${'m'.repeat(112)}`;
      expect(key).toHaveLength(512);
      await store.put(key, Buffer.from('x'));
      expect(await keysOf(store, '')).toEqual([key]);
      expect(text(await store.get(key))).toBe('x');
    });

    test('writes an object piece by piece and shows it only when it is closed', async () => {
      const store = await open();
      const writer = store.createWriter('w/small');
      await writer.write(Buffer.from('one '));
      await writer.write(new Uint8Array(0));
      await writer.write(Buffer.from('two'));
      await expectCode(store.stat('w/small'), 'object-not-found');
      expect(await keysOf(store, '')).toEqual([]);
      expect(await writer.close()).toEqual({ key: 'w/small', size: 7, sha256: sha256('one two') });
      expect(text(await store.get('w/small'))).toBe('one two');
    });

    test('writes an object without bytes piece by piece', async () => {
      const store = await open();
      expect(await store.createWriter('w/empty').close()).toMatchObject({ size: 0, sha256: sha256('') });
      expect(await store.get('w/empty')).toHaveLength(0);
    });

    test('writes an object of many pieces, larger than any that travels at once', async () => {
      const store = await open();
      const { bytes } = await writeLarge(store.createWriter('w/large'));
      const stored = await store.stat('w/large');
      expect(stored.size).toBe(bytes.byteLength);
      expect(stored.sha256 ?? sha256(bytes)).toBe(sha256(bytes));
      expect(sha256(await store.get('w/large'))).toBe(sha256(bytes));
      const middle = { offset: 8 * MiB - 5, length: 10 };
      expect(await store.get('w/large', middle)).toEqual(bytes.subarray(8 * MiB - 5, 8 * MiB + 5));
    });

    test('a writer, too, takes the same bytes again and refuses others', async () => {
      const store = await open();
      await store.put('w/k', Buffer.from('first'));
      const same = store.createWriter('w/k');
      await same.write(Buffer.from('first'));
      await expect(same.close()).resolves.toMatchObject({ size: 5 });
      const other = store.createWriter('w/k');
      await other.write(Buffer.from('other'));
      await expectCode(other.close(), 'object-exists');
      await other.abort();
      expect(text(await store.get('w/k'))).toBe('first');
    });

    test('a writer of a large object takes the same bytes again and refuses others', async () => {
      const store = await open();
      const first = await writeLarge(store.createWriter('w/large'), 1);
      const again = await writeLarge(store.createWriter('w/large'), 1);
      expect(again.stored).toEqual(first.stored);
      await expectCode(writeLarge(store.createWriter('w/large'), 2), 'object-exists');
      expect(sha256(await store.get('w/large'))).toBe(first.stored.sha256);
    });

    test('two writers of one large object at once both succeed with the same bytes', async () => {
      const store = await open();
      const both = [store.createWriter('w/large'), store.createWriter('w/large')];
      const [one, two] = await Promise.all(both.map((writer) => writeLarge(writer)));
      expect(one?.stored).toEqual(two?.stored);
      expect(sha256(await store.get('w/large'))).toBe(one?.stored.sha256);
      expect(await store.abortStaleUploads('')).toBe(0);
    });

    test('nothing is there after an aborted writer, and abort may come twice', async () => {
      const store = await open();
      const small = store.createWriter('w/small');
      await small.write(Buffer.from('x'));
      const large = store.createWriter('w/large');
      for (let i = 0; i < 20; i += 1) await large.write(Buffer.alloc(MiB, i));
      for (const writer of [small, large, store.createWriter('w/unused')]) {
        await writer.abort();
        await writer.abort();
        await expectCode(writer.write(Buffer.from('x')), 'internal');
        await expectCode(writer.close(), 'internal');
      }
      expect(await keysOf(store, '')).toEqual([]);
      expect(await store.abortStaleUploads('')).toBe(0);
    });

    test('an object stays when its writer is aborted after close', async () => {
      const store = await open();
      const writer = store.createWriter('w/done');
      await writer.write(Buffer.from('x'));
      await writer.close();
      await writer.abort();
      const { writer: large } = await writeLarge(store.createWriter('w/large'));
      await large.abort();
      expect(await keysOf(store, '')).toEqual(['w/done', 'w/large']);
    });

    test('gives up what a crashed run left unfinished, below the prefix only', async () => {
      const store = await open();
      await store.put('mine/done', Buffer.from('x'));
      const writers = ['mine/1', 'mine/2', 'yours/1'].map((key) => store.createWriter(key));
      for (const writer of writers) {
        for (let i = 0; i < 20; i += 1) await writer.write(Buffer.alloc(MiB, i));
      }
      expect(await keysOf(store, '')).toEqual(['mine/done']);
      expect(await uploadsOf(store, 'mine/')).toEqual(leavesUploads ? ['mine/1', 'mine/2'] : []);
      expect(await store.abortStaleUploads('mine/')).toBe(leavesUploads ? 2 : 0);
      expect(await uploadsOf(store, 'mine/')).toEqual([]);
      expect(await store.abortStaleUploads('mine/')).toBe(0);
      expect(await uploadsOf(store, '')).toEqual(leavesUploads ? ['yours/1'] : []);
      expect(await store.abortStaleUploads('')).toBe(leavesUploads ? 1 : 0);
      expect(await keysOf(store, '')).toEqual(['mine/done']);
      for (const writer of writers) await writer.abort();
    });

    test('leaves off when its caller does', async () => {
      const store = await open();
      await store.put('a', Buffer.from('x'));
      const signal = AbortSignal.abort(new Error('enough'));
      await expectCode(store.put('b', Buffer.from('x'), signal), 'interrupted');
      await expectCode(store.get('a', undefined, signal), 'interrupted');
      await expectCode(store.stat('a', signal), 'interrupted');
      await expectCode(store.delete('a', signal), 'interrupted');
      await expectCode(keysOf(store, '', signal), 'interrupted');
      await expectCode(store.abortStaleUploads('', signal), 'interrupted');
      await expectCode(uploadsOf(store, '', signal), 'interrupted');
      const controller = new AbortController();
      const writer = store.createWriter('c', controller.signal);
      await writer.write(Buffer.from('x'));
      controller.abort();
      await expectCode(writer.close(), 'interrupted');
      await writer.abort();
      expect(await keysOf(store, '')).toEqual(['a']);
    });

    test('what was put is not cold, and where a thaw can be asked for there is nothing to wait for', async () => {
      const store = await open();
      await store.put('a', Buffer.from('x'));
      expect((await store.stat('a')).cold).toBeUndefined();
      const thaw = (key: string) => store.thaw?.(key, { tier: 'standard', days: 1 });
      expect((await thaw('a')) ?? 'ready').toBe('ready');
      if (store.thaw !== undefined)
        await expectCode(store.thaw('b', { tier: 'bulk', days: 1 }), 'object-not-found');
      expect(text(await store.get('a'))).toBe('x');
    });

    test('names the key and what it was doing in its errors', async () => {
      const store = await open();
      await store.put('a/1', Buffer.from('x'));
      await expect(store.get('a/2')).rejects.toThrow('get object a/2: not found');
      await expect(store.stat('a/2')).rejects.toThrow('stat object a/2: not found');
      await expect(store.put('a/1', Buffer.from('y'))).rejects.toThrow(
        'put object a/1: the key already holds',
      );
    });
  });
}

/** 20 MiB and a bit, in pieces that fit no boundary. */
async function writeLarge(writer: ObjectWriter, seed = 7) {
  const pieces: Buffer[] = [];
  for (let i = 0; i < 21; i += 1) {
    const piece = Buffer.alloc(MiB - 1 + (i % 3), `${seed} ${i} `);
    pieces.push(piece);
    await writer.write(piece);
  }
  return { writer, stored: await writer.close(), bytes: Buffer.concat(pieces) };
}

export async function expectCode(call: Promise<unknown>, code: ErrorCode): Promise<void> {
  await expect(call).rejects.toMatchObject({ name: 'ClawbackError', code });
}

export async function keysOf(store: ObjectStore, prefix: string, signal?: AbortSignal): Promise<string[]> {
  return (await entriesOf(store, prefix, signal)).map(({ key }) => key);
}

async function uploadsOf(store: ObjectStore, prefix: string, signal?: AbortSignal): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.openUploads(prefix, signal)) keys.push(key);
  return keys.sort();
}

async function entriesOf(store: ObjectStore, prefix: string, signal?: AbortSignal): Promise<ObjectStat[]> {
  const entries: ObjectStat[] = [];
  for await (const entry of store.list(prefix, signal)) entries.push(entry);
  return entries;
}

function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
