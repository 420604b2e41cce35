import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import { CatalogueCache } from '../../src/archive/catalogue-cache.ts';
import { openCodec } from '../../src/codec/open.ts';
import { catalogueKey, manifestKey, packKey } from '../../src/manifest/keys.ts';
import { encodeManifest, type Manifest } from '../../src/manifest/manifest.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import { batchId, manifestOf } from '../support/manifests.ts';
import { RecordingStore } from '../support/recording-store.ts';
import { INSTANCE } from '../support/ship.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function emptyArchive() {
  const cacheDir = join(await temporaryFolder(), 'cache');
  const objects = new RecordingStore(new MemoryObjectStore());
  const codec = await openCodec('auto');
  const open = (instance = INSTANCE, url = 'memory:') =>
    new Archive(objects, codec, instance, new CatalogueCache(cacheDir, url));
  const put = async (manifest: Manifest, key = manifestKey(INSTANCE, manifest.batchId)) => {
    await objects.put(key, codec.compress(encodeManifest(manifest), 3));
  };
  return { archive: open(), open, objects, put, cacheDir };
}

describe('a catalogue of 10,000 sessions', () => {
  it('is read from the catalogue objects alone: no manifest, and on the next day no object at all', async () => {
    const { archive, open, objects, put } = await emptyArchive();
    const manifests = Array.from({ length: 20 }, (_, n) => manifestOf(n + 1, 500));
    for (const manifest of manifests) await put(manifest);
    for (const n of [0, 10])
      await archive.writeCatalogue(batchId(n + 1).slice(0, -5), manifests.slice(n, n + 10), 3);
    objects.calls.length = 0;
    expect(await archive.catalogue()).toHaveLength(10_000);
    expect(objects.of('get')).toEqual([1, 11].map((n) => catalogueKey(INSTANCE, batchId(n).slice(0, -5))));
    objects.calls.length = 0;
    expect(await open().catalogue()).toHaveLength(10_000);
    expect(objects.of('get')).toEqual([]);
  });
});

describe('the catalogue of an archive', () => {
  it('is empty where nothing was archived', async () => {
    expect(await (await emptyArchive()).archive.catalogue()).toEqual([]);
  });

  it('lists what an interrupted run has committed but not catalogued, from its manifest', async () => {
    const { archive, put } = await emptyArchive();
    await put(manifestOf(1));
    await put(manifestOf(2));
    await archive.writeCatalogue('r', [manifestOf(1)], 3);
    expect((await archive.catalogue()).map((row) => row.batch_id)).toEqual([batchId(1), batchId(2)]);
    expect(await archive.uncataloguedBatchIds()).toEqual([batchId(2)]);
  });

  it('does not list what no manifest commits', async () => {
    const { archive, put } = await emptyArchive();
    await put(manifestOf(1));
    await archive.writeCatalogue('r', [manifestOf(1), manifestOf(2)], 3);
    expect((await archive.catalogue()).map((row) => row.batch_id)).toEqual([batchId(1)]);
  });

  it('lists a session once, however many catalogue objects name it, oldest first', async () => {
    const { archive, put } = await emptyArchive();
    for (const n of [3, 1, 2]) await put(manifestOf(n));
    await archive.writeCatalogue('r2', [manifestOf(3), manifestOf(1)], 3);
    await archive.writeCatalogue('r1', [manifestOf(1), manifestOf(2)], 3);
    expect((await archive.catalogue()).map((row) => row.batch_id)).toEqual([1, 2, 3].map(batchId));
  });

  it('is read anew when gc deletes its objects one after the other, each right after it was listed', async () => {
    const { archive, objects, put } = await emptyArchive();
    await put(manifestOf(1));
    for (const runId of ['r1', 'r2', 'r3', 'r4']) await archive.writeCatalogue(runId, [manifestOf(1)], 3);
    const get = objects.get.bind(objects);
    const doomed = ['r1', 'r2', 'r3'].map((runId) => catalogueKey(INSTANCE, runId));
    objects.get = async (key, ...rest) => {
      if (key === doomed[0]) await objects.delete(doomed.shift() ?? '');
      return get(key, ...rest);
    };
    expect((await archive.cataloguedRows()).map((row) => row.batch_id)).toEqual([batchId(1)]);
    expect(doomed).toEqual([]);
  });

  it('cannot be read where what is listed is never there', async () => {
    const { archive, objects, put } = await emptyArchive();
    await put(manifestOf(1));
    await archive.writeCatalogue('r', [manifestOf(1)], 3);
    const get = objects.get.bind(objects);
    objects.get = (key, ...rest) => get(key.includes('/catalogue/') ? `${key}x` : key, ...rest);
    await expect(archive.catalogue()).rejects.toMatchObject({ code: 'object-not-found' });
  });

  it('knows nothing of other instances in the same bucket', async () => {
    const { archive, open, put } = await emptyArchive();
    await put(manifestOf(1));
    expect(await archive.catalogue()).toHaveLength(1);
    expect(await open('oc-other').catalogue()).toEqual([]);
    expect(await open('oc-tes').catalogue()).toEqual([]);
  });

  it('passes over objects of other names beside its own', async () => {
    const { archive, objects, put } = await emptyArchive();
    await put(manifestOf(1));
    await objects.put(`${INSTANCE}/manifests/readme.txt`, Buffer.from('x'));
    await objects.put(packKey(INSTANCE, 'b'), Buffer.from('x'));
    expect(await archive.batchIds()).toEqual([batchId(1)]);
    expect((await archive.packs()).map(({ key }) => key)).toEqual([packKey(INSTANCE, 'b')]);
  });
});

describe('a manifest', () => {
  it('is found by its batch', async () => {
    const { archive, put } = await emptyArchive();
    await put(manifestOf(1, 2));
    expect(await archive.manifest(batchId(1))).toEqual(manifestOf(1, 2));
    await expect(archive.manifest(batchId(2))).rejects.toMatchObject({ code: 'object-not-found' });
  });

  it('that was replayed under the key of another batch is refused', async () => {
    const { archive, put } = await emptyArchive();
    await put(manifestOf(1), manifestKey(INSTANCE, batchId(2)));
    await expect(archive.manifest(batchId(2))).rejects.toMatchObject({ code: 'manifest-invalid' });
    await expect(archive.catalogue()).rejects.toMatchObject({ code: 'manifest-invalid' });
  });

  it('that was copied from another instance is refused', async () => {
    const { archive, put } = await emptyArchive();
    await put(manifestOf(1, 1, { instance: 'oc-other' }));
    await expect(archive.manifest(batchId(1))).rejects.toMatchObject({ code: 'manifest-invalid' });
  });

  it('that is no zstd frame is refused', async () => {
    const { archive, objects } = await emptyArchive();
    await objects.put(manifestKey(INSTANCE, batchId(1)), Buffer.from('<html>'));
    await expect(archive.manifest(batchId(1))).rejects.toMatchObject({ code: 'frame-corrupt' });
  });
});

describe('the local copy of a catalogue object', () => {
  const rows = async (open: () => Archive) => (await open().cataloguedRows()).length;

  it.each([
    ['damaged', (bytes: Buffer) => Buffer.from(bytes)],
    ['torn', (bytes: Buffer) => bytes.subarray(0, 70)],
    ['empty', () => Buffer.alloc(0)],
    ['of zeros', (bytes: Buffer) => Buffer.alloc(bytes.length)],
  ])('is fetched again if it is %s', async (_what, damage) => {
    const { archive, open, objects, cacheDir } = await emptyArchive();
    await archive.writeCatalogue('r', [manifestOf(1, 5)], 3);
    expect(await rows(open)).toBe(5);
    for (const name of await readdir(cacheDir)) {
      const bytes = await readFile(join(cacheDir, name));
      const damaged = damage(bytes);
      if (damaged.equals(bytes))
        damaged.writeUInt8(damaged.readUInt8(damaged.length - 1) ^ 1, damaged.length - 1);
      await writeFile(join(cacheDir, name), damaged);
    }
    objects.calls.length = 0;
    expect(await rows(open)).toBe(5);
    expect(objects.of('get')).toHaveLength(1);
    expect(await rows(open)).toBe(5);
    expect(objects.of('get')).toHaveLength(1);
  });

  it('of one archive never stands in for the same key of another', async () => {
    const { archive, open, objects } = await emptyArchive();
    await archive.writeCatalogue('r', [manifestOf(1)], 3);
    await rows(() => open(INSTANCE, 's3://a'));
    objects.calls.length = 0;
    await rows(() => open(INSTANCE, 's3://b'));
    expect(objects.of('get')).toHaveLength(1);
  });

  it('is readable by its owner only', async () => {
    const { archive, open, cacheDir } = await emptyArchive();
    await archive.writeCatalogue('r', [manifestOf(1)], 3);
    await rows(open);
    expect((await stat(cacheDir)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(cacheDir))
      expect((await stat(join(cacheDir, name))).mode & 0o777).toBe(0o600);
  });
});
