import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import { CatalogueCache } from '../../src/archive/catalogue-cache.ts';
import { manifestKey, packKey } from '../../src/manifest/keys.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import { shipBatch } from '../../src/ship/ship-batch.ts';
import type { ShipTask } from '../../src/ship/task.ts';
import {
  archiveState,
  collect,
  decodedObjects,
  GRACE_MS,
  mark,
  wholeSession,
} from '../support/collecting.ts';
import { flipBit, RecordingStore } from '../support/recording-store.ts';
import { BATCH_ID, sourceOf } from '../support/sessions.ts';
import { contextOf, INSTANCE, taskOf } from '../support/ship.ts';
import { NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MiB = 1 << 20;
const RECORD = '01234567-89ab-4cde-8f01-23456789abcd';

/** Lines that say whose they are, so that whoever finds one knows what has leaked. */
function linesOf(who: string, bytes: number): string {
  const lines: string[] = [];
  for (let length = 0; length < bytes; length += lines.at(-1)?.length ?? 0)
    lines.push(`{"who":"${who}","n":${lines.length},"x":"${(lines.length * 2_654_435_761).toString(36)}"}\n`);
  return lines.join('').slice(0, bytes);
}

/**
 * Four sessions: one of large files, one of small ones of every kind, one whose bytes were not kept, and one in between
 * whose files share frames with those of the others.
 */
async function fourSessions(): Promise<ShipTask> {
  const folder = await temporaryFolder();
  const media = join(folder, 'media', 'outgoing');
  await mkdir(join(media, 'records'), { recursive: true });
  await mkdir(join(media, 'originals'), { recursive: true });
  const file = sourceOf.bind(null, folder);
  const large = [
    await file('large.jsonl', linesOf('large', 5 * MiB + 17)),
    await file('large.trajectory.jsonl', linesOf('large trajectory', 10 * MiB + 1), 'trajectory'),
    await file('large.jsonl.reset.2026-10-01T04-00-00.000Z', '', 'reset'),
  ];
  const small = [
    await file('small.jsonl', linesOf('small', 700)),
    await file('small.checkpoint.0.jsonl', '', 'checkpoint'),
    await file('small.trajectory.jsonl', linesOf('small trajectory', MiB), 'trajectory'),
    { ...(await sourceOf(join(media, 'records'), `${RECORD}.json`, '{"small":1}', 'media-record')) },
    {
      ...(await sourceOf(
        join(media, 'originals'),
        'image.png',
        linesOf('small image', 5000),
        'media-original',
      )),
    },
    await file('ä'.repeat(60), linesOf('small sidecar', 512), 'codex'),
  ];
  const notKept = [await file('probe.jsonl', linesOf('probe', 400))];
  const other = [
    await file('other.jsonl', linesOf('other', MiB)),
    await file('other.trajectory.jsonl', linesOf('other trajectory', 3 * MiB), 'trajectory'),
  ];
  const task = taskOf(folder, [large, small, notKept, other]);
  return {
    ...task,
    sessions: task.sessions.map((session, index) => ({ ...session, keepFiles: index !== 2 })),
  };
}

const WHO = ['large', 'small', 'probe', 'other'];
const idOf = (index: number) => `${BATCH_ID}.${index}`;

async function archiveOf(objects: ObjectStore): Promise<Archive> {
  const { codec } = await contextOf(objects);
  return new Archive(objects, codec, INSTANCE, new CatalogueCache(await temporaryFolder(), objects.url));
}

/** Shipped once, then copied. */
let original: Promise<ReadonlyMap<string, Uint8Array>> | undefined;

async function ship(): Promise<ReadonlyMap<string, Uint8Array>> {
  const objects = new MemoryObjectStore();
  await shipBatch(await contextOf(objects), await fourSessions());
  const archive = await archiveOf(objects);
  await archive.writeCatalogue('r', await archive.manifests([BATCH_ID]), 3);
  const bytes = new Map<string, Uint8Array>();
  for await (const { key } of objects.list('')) bytes.set(key, await objects.get(key));
  return bytes;
}

async function shipped(objects: ObjectStore = new MemoryObjectStore()): Promise<Archive> {
  original ??= ship();
  for (const [key, bytes] of await original) await objects.put(key, bytes);
  return archiveOf(objects);
}

const forget = (archive: Archive, indexes: readonly number[]) =>
  mark(archive, 'forget', indexes.map(idOf), NOW_MS);
const whole = (archive: Archive, indexes: readonly number[]) =>
  Promise.all(indexes.map((index) => wholeSession(archive, idOf(index))));

describe('taking sessions out of a batch', () => {
  test.each([[[0]], [[1]], [[2]], [[3]], [[0, 3]], [[0, 1, 3]], [[1, 2]]])(
    'without %j: the others keep ids, rows, times and every byte, and nothing else is left',
    async (gone) => {
      const archive = await shipped();
      const stay = [0, 1, 2, 3].filter((index) => !gone.includes(index));
      const before = await whole(archive, stay);
      await forget(archive, gone);
      const tally = await collect(archive, NOW_MS + GRACE_MS);
      expect([tally.deleted, tally.problems]).toEqual([gone.map(idOf), []]);
      expect(await whole(archive, stay)).toEqual(before);
      expect(await whole(archive, gone)).toEqual(gone.map(() => undefined));
      const everything = Buffer.concat([...(await decodedObjects(archive)).values()]).toString('latin1');
      for (const [index, who] of WHO.entries())
        expect(everything.includes(`"who":"${who}`), who).toBe(stay.includes(index) && who !== 'probe');
      expect((await archive.catalogue()).map((row) => row.archive_id)).toEqual(stay.map(idOf));
    },
  );

  test('leaves a pack that zstd and tar read', async () => {
    const archive = await shipped();
    await forget(archive, [0]);
    await collect(archive, NOW_MS + GRACE_MS);
    const path = join(await temporaryFolder(), 'pack.tar.zst');
    await writeFile(path, await archive.objects.get(packKey(INSTANCE, BATCH_ID, 1)));
    const tar = execFileSync('zstd', ['-dcq', path], { maxBuffer: 1 << 28 });
    const names = execFileSync('tar', ['tf', '-'], { input: tar })
      .toString('utf8')
      .split('\n')
      .filter(Boolean);
    expect(names).toHaveLength(8);
    expect(names).toContain(`main/media/outgoing/records/${RECORD}.json`);
    expect(names.filter((name) => name.includes('large'))).toEqual([]);
  });

  test('a second time makes a second revision, and a last time leaves nothing but marks', async () => {
    const archive = await shipped();
    const keys = async () => {
      const all: string[] = [];
      for await (const { key } of archive.objects.list(`${INSTANCE}/`))
        all.push(key.slice(INSTANCE.length + 1));
      return all.filter((key) => !/^(?:marks|catalogue)\//.test(key));
    };
    await forget(archive, [1]);
    await collect(archive, NOW_MS + GRACE_MS);
    expect(await keys()).toEqual([`manifests/${BATCH_ID}.r1.json.zst`, `packs/${BATCH_ID}.r1.tar.zst`]);
    await forget(archive, [0]);
    await collect(archive, NOW_MS + GRACE_MS);
    expect(await keys()).toEqual([`manifests/${BATCH_ID}.r2.json.zst`, `packs/${BATCH_ID}.r2.tar.zst`]);
    await forget(archive, [2, 3]);
    await collect(archive, NOW_MS + GRACE_MS);
    expect(await keys()).toEqual([]);
    expect(await archive.catalogue()).toEqual([]);
    expect((await archive.marks()).count).toBe(3);
  });

  // Once before the manifest that commits it, then for manifest, pack and catalogue.
  test.each([0, 1, 2, 3])(
    'stops where it may not go on any more, after %i times that it might',
    async (times) => {
      const archive = await shipped();
      const before = await whole(archive, [0, 2, 3]);
      await forget(archive, [1]);
      const refusal = new Error('the lease is gone');
      let asked = 0;
      const assertMayDelete = async () => {
        asked += 1;
        if (asked > times) throw refusal;
      };
      await expect(collect(archive, NOW_MS + GRACE_MS, { assertMayDelete })).rejects.toBe(refusal);
      expect([...(await archive.batches()).values()]).toEqual([
        times === 0 ? [0] : times === 1 ? [0, 1] : [1],
      ]);
      expect(await whole(archive, [0, 2, 3])).toEqual(before);
    },
  );
});

describe('what is taken back', () => {
  test.each(['unforget', 'pin'] as const)('by %s before the grace is over is not touched', async (kind) => {
    const archive = await shipped();
    const before = await archiveState(archive);
    await forget(archive, [0, 1]);
    await mark(archive, kind, [idOf(0), idOf(1)], NOW_MS);
    const tally = await collect(archive, NOW_MS + 10 * GRACE_MS);
    expect(tally).toMatchObject({ deleted: [], kept: [], problems: [] });
    expect((await archiveState(archive)) as { lines: unknown }).toHaveProperty(
      'lines',
      (before as { lines: unknown }).lines,
    );
    expect(await archive.batches()).toEqual(new Map([[BATCH_ID, [0]]]));
  });

  // The mark arrives when the new revision has been written, and nothing of the old one deleted yet.
  test.each(['unforget', 'pin'] as const)(
    'by %s while a collection is at work brings the batch back whole',
    async (kind) => {
      const inner = new MemoryObjectStore();
      const archive = await shipped(inner);
      const before = await whole(archive, [0, 1, 2, 3]);
      await forget(archive, [1]);
      const late = new RecordingStore(inner, {
        corruptPut: (key, bytes) => {
          if (key === manifestKey(INSTANCE, BATCH_ID, 1)) arriving = mark(archive, kind, [idOf(1)], NOW_MS);
          return bytes;
        },
      });
      let arriving: Promise<void> | undefined;
      const put = late.put.bind(late);
      late.put = async (...args) => {
        const stored = await put(...args);
        await arriving;
        return stored;
      };
      const tally = await collect(await archiveOf(late), NOW_MS + GRACE_MS);
      expect(arriving).toBeDefined();
      // Whoever sees the manifest can restore it, also of the revision that goes.
      expect(late.of('delete')).toEqual([manifestKey(INSTANCE, BATCH_ID, 1), packKey(INSTANCE, BATCH_ID, 1)]);
      expect(tally).toMatchObject({
        deleted: [],
        kept: [{ archiveId: idOf(1), why: 'not-forgotten-any-more' }],
      });
      expect(await archive.batches()).toEqual(new Map([[BATCH_ID, [0]]]));
      expect((await archive.packs()).map(({ key }) => key)).toEqual([packKey(INSTANCE, BATCH_ID)]);
      expect(await whole(archive, [0, 1, 2, 3])).toEqual(before);
    },
  );
});

describe('storage that lies', () => {
  const manifestOf1 = manifestKey(INSTANCE, BATCH_ID, 1);
  const packOf1 = packKey(INSTANCE, BATCH_ID, 1);

  test.each([
    ['stores the new pack damaged', { corruptPut: packOf1 }],
    ['stores the new manifest damaged', { corruptPut: manifestOf1 }],
    ['gives the old pack back damaged', { corruptGet: packKey(INSTANCE, BATCH_ID) }],
  ])('%s: the old batch stays whole, and a collection on better storage does it', async (_what, fault) => {
    const inner = new MemoryObjectStore();
    const archive = await shipped(inner);
    const before = await whole(archive, [0, 1, 2, 3]);
    await forget(archive, [1]);
    const damage = (at: string | undefined) => (key: string, bytes: Uint8Array) =>
      key === at ? flipBit(bytes) : bytes;
    const lying = new RecordingStore(inner, {
      ...('corruptPut' in fault ? { corruptPut: damage(fault.corruptPut) } : {}),
      ...('corruptGet' in fault ? { corruptGet: damage(fault.corruptGet) } : {}),
    });
    const tally = await collect(await archiveOf(lying), NOW_MS + GRACE_MS);
    expect(tally.problems).toHaveLength(1);
    expect(tally.deleted).toEqual([]);
    expect(await whole(archive, [0, 1, 2, 3])).toEqual(before);
    const again = await collect(archive, NOW_MS + GRACE_MS);
    expect([again.deleted, again.problems]).toEqual([[idOf(1)], []]);
    expect(await whole(archive, [0, 2, 3])).toEqual([before[0], before[2], before[3]]);
  });

  /** Killed when the new revision had been committed, and nothing of the old one was deleted. */
  async function committed(inner: MemoryObjectStore): Promise<Archive> {
    const archive = await shipped(inner);
    await forget(archive, [1]);
    let asked = 0;
    const dying = async () => {
      asked += 1;
      if (asked > 1) throw new Error('killed');
    };
    await collect(archive, NOW_MS + GRACE_MS, { assertMayDelete: dying }).catch(() => undefined);
    expect(await archive.batches()).toEqual(new Map([[BATCH_ID, [0, 1]]]));
    return archive;
  }

  async function shorten(inner: MemoryObjectStore, key: string): Promise<void> {
    const bytes = await inner.get(key);
    await inner.delete(key);
    await inner.put(key, bytes.subarray(0, bytes.length - 5));
  }

  test('a new pack that has become short gives way to the old one, which holds all of it', async () => {
    const inner = new MemoryObjectStore();
    const archive = await committed(inner);
    await shorten(inner, packOf1);
    const tally = await collect(archive, NOW_MS + GRACE_MS);
    expect(tally.problems).toMatchObject([{ error: { code: 'object-corrupt' } }]);
    expect(tally.deleted).toEqual([idOf(1)]);
    expect((await whole(archive, [0, 2, 3])).every((session) => session !== undefined)).toBe(true);
    expect((await collect(archive, NOW_MS + GRACE_MS)).problems).toEqual([]);
  });

  test('two packs that are both no good any more are both kept', async () => {
    const inner = new MemoryObjectStore();
    const archive = await committed(inner);
    for (const key of [packOf1, packKey(INSTANCE, BATCH_ID)]) await shorten(inner, key);
    const before = (await archive.packs()).map(({ key }) => key);
    const tally = await collect(archive, NOW_MS + GRACE_MS);
    expect([tally.deleted, tally.problems.length]).toEqual([[], 2]);
    expect(await archive.batches()).toEqual(new Map([[BATCH_ID, [0, 1]]]));
    expect((await archive.packs()).map(({ key }) => key)).toEqual(before);
  });
});
