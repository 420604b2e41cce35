import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import { CatalogueCache } from '../../src/archive/catalogue-cache.ts';
import { openCodec } from '../../src/codec/open.ts';
import { markKey, runIdAt } from '../../src/manifest/keys.ts';
import { encodeMark, type Mark, type MarkKind } from '../../src/marks/mark.ts';
import { Marks } from '../../src/marks/marks.ts';
import { writeMarks } from '../../src/marks/write-marks.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import { collect } from '../support/collecting.ts';
import { INSTANCE } from '../support/ship.ts';
import { DAY_MS, NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const A = '20261121t090000z-00000001-0001.0';
const B = '20261121t090000z-00000001-0001.1';

function markOf(n: number, kind: MarkKind, archiveIds: string[] = [A], changes: Partial<Mark> = {}): Mark {
  const atMs = NOW_MS + n * 1000;
  return {
    format: 'clawback.mark/1',
    tool: 'clawback/0.0.0',
    instance: INSTANCE,
    markId: runIdAt(atMs, n.toString(16).padStart(8, '0')),
    kind,
    at: new Date(atMs).toISOString(),
    archiveIds,
    ...changes,
  };
}

const fold = (...kinds: MarkKind[]) => Marks.fold(kinds.map((kind, n) => markOf(n, kind)));

describe('marks, folded', () => {
  test.each<[MarkKind[], boolean, boolean]>([
    [[], false, false],
    [['forget'], true, false],
    [['forget', 'unforget'], false, false],
    [['unforget', 'forget'], true, false],
    [['pin'], false, true],
    [['pin', 'unpin'], false, false],
    [['forget', 'pin'], false, true],
    [['pin', 'forget'], false, true],
    [['forget', 'pin', 'unpin'], false, false],
    [['pin', 'forget', 'unpin'], false, false],
    [['pin', 'unpin', 'forget'], true, false],
    [['unpin'], false, false],
  ])('%j: forgotten %s, pinned %s', (kinds, isForgotten, isPinned) => {
    const marks = fold(...kinds);
    expect([marks.isForgotten(A), marks.isPinned(A), marks.count]).toEqual([
      isForgotten,
      isPinned,
      kinds.length,
    ]);
    expect([marks.isForgotten(B), marks.isPinned(B)]).toEqual([false, false]);
  });

  test('count in the order of their ids, however they were read', () => {
    const marks = [markOf(1, 'forget'), markOf(2, 'unforget'), markOf(3, 'forget', [B])];
    const all = Marks.fold(marks.reverse());
    expect([...all.forgotten.keys()]).toEqual([B]);
  });

  test('are due when the grace is over, counted from the first forget; one from the future that much later', () => {
    const marks = Marks.fold([
      markOf(0, 'forget'),
      markOf(60, 'forget'),
      markOf(3600 * 24 * 365, 'forget', [B]),
    ]);
    expect(marks.due(NOW_MS + DAY_MS - 1, DAY_MS)).toEqual([]);
    expect(marks.due(NOW_MS + DAY_MS, DAY_MS)).toEqual([A]);
    expect(marks.deletableFromMs(A, DAY_MS)).toBe(NOW_MS + DAY_MS);
    expect(marks.deletableFromMs('x', DAY_MS)).toBeUndefined();
  });
});

async function emptyArchive() {
  const objects = new MemoryObjectStore();
  const codec = await openCodec('auto');
  const cacheDir = join(await temporaryFolder(), 'cache');
  const open = () => new Archive(objects, codec, INSTANCE, new CatalogueCache(cacheDir, 'memory:'));
  const put = (mark: Mark, key = markKey(INSTANCE, mark.markId)) =>
    objects.put(key, codec.compress(encodeMark(mark), 3));
  return { archive: open(), open, objects, codec, put };
}

describe('marks in an archive', () => {
  test('that are written in one second, or by a clock that runs behind, count in the order of writing', async () => {
    const { archive } = await emptyArchive();
    for (const [kind, nowMs] of [
      ['forget', NOW_MS],
      ['unforget', NOW_MS],
      ['forget', NOW_MS - DAY_MS],
      ['pin', NOW_MS - 2 * DAY_MS],
    ] as const)
      await writeMarks(archive, await archive.marks(), kind, [A], nowMs);
    const marks = await archive.marks();
    expect([marks.count, marks.isPinned(A), marks.isForgotten(A)]).toEqual([4, true, false]);
  });

  test('hold ten thousand generations at most: more are several', async () => {
    const { archive } = await emptyArchive();
    const ids = Array.from({ length: 25_000 }, (_, n) => `20261121t090000z-00000001-0001.${n}`);
    await writeMarks(archive, await archive.marks(), 'forget', ids, NOW_MS);
    const marks = await archive.marks();
    expect([marks.count, marks.forgotten.size]).toEqual([3, 25_000]);
  });

  test.each<[string, Partial<Mark> & Record<string, unknown>, RegExp]>([
    ['of a later format', { format: 'clawback.mark/2' as never }, /update clawback/],
    ['of a kind that is none', { kind: 'erase' as never }, /copy of the bucket/],
    ['about what is no archive id', { archiveIds: ['../x'] }, /copy of the bucket/],
    ['of another instance', { instance: 'oc-other' }, /copy of the bucket/],
  ])('%s keep gc from deleting anything, and say what to do', async (_what, changes, hint) => {
    const { archive, put } = await emptyArchive();
    await put(markOf(0, 'forget'));
    await put(markOf(1, 'forget', [B], changes));
    const refused = { code: 'mark-unreadable', hint: expect.stringMatching(hint) };
    await expect(archive.marks()).rejects.toMatchObject(refused);
    await expect(collect(archive, NOW_MS + 100 * DAY_MS)).rejects.toMatchObject(refused);
    const told: string[] = [];
    const others = await archive.marks({ onDamage: (what) => void told.push(what) });
    expect([told.length, others.isForgotten(A), others.isForgotten(B)]).toEqual([1, true, false]);
  });

  test.each([
    ['no frame', '<html>'],
    ['empty', ''],
  ])('that are %s are refused, and once mended read again', async (_what, text) => {
    const { archive, open, objects, codec } = await emptyArchive();
    const mark = markOf(0, 'pin');
    const key = markKey(INSTANCE, mark.markId);
    await objects.put(key, Buffer.from(text));
    await expect(archive.marks()).rejects.toMatchObject({ code: 'mark-unreadable' });
    await objects.delete(key);
    await objects.put(key, codec.compress(encodeMark(mark), 3));
    expect((await open().marks()).isPinned(A)).toBe(true);
  });

  test('that were copied to another name, or are nothing that we know, are refused', async () => {
    const { archive, put, objects } = await emptyArchive();
    await put(markOf(1, 'unforget'), markKey(INSTANCE, markOf(2, 'unforget').markId));
    await expect(archive.marks()).rejects.toMatchObject({ code: 'mark-unreadable' });
    await objects.delete(markKey(INSTANCE, markOf(2, 'unforget').markId));
    await objects.put(`${INSTANCE}/marks/hold.v2`, Buffer.from('x'));
    await expect(archive.marks()).rejects.toMatchObject({ code: 'mark-unreadable' });
  });
});
