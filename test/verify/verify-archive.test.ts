import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import { CatalogueCache } from '../../src/archive/catalogue-cache.ts';
import { catalogueKey, manifestKey, packKey } from '../../src/manifest/keys.ts';
import { encodeManifest } from '../../src/manifest/manifest.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import { shipBatch } from '../../src/ship/ship-batch.ts';
import type { Shipper } from '../../src/ship/shipper.ts';
import type { VerifyProgress } from '../../src/verify/pack-reads.ts';
import { verifyArchive } from '../../src/verify/verify-archive.ts';
import { verifyContent } from '../../src/verify/verify-pack.ts';
import { batchId, manifestOf } from '../support/manifests.ts';
import { flipBit } from '../support/recording-store.ts';
import { sourceOf } from '../support/sessions.ts';
import { contextOf, INSTANCE, taskOf } from '../support/ship.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** An archive of three catalogued batches of one session each. */
async function archived() {
  const folder = await temporaryFolder();
  const objects = new MemoryObjectStore();
  const context = await contextOf(objects);
  const archive = new Archive(
    objects,
    context.codec,
    INSTANCE,
    new CatalogueCache(join(folder, 'cache'), 'memory:'),
  );
  for (const n of [1, 2, 3]) {
    const files = [await sourceOf(folder, `s${n}.jsonl`, `conversation ${n}\n`.repeat(100))];
    await shipBatch(
      { ...context, settings: { ...context.settings, runId: batchId(n).slice(0, -5) } },
      { ...taskOf(folder, [files]), batchId: batchId(n) },
    );
  }
  await archive.writeCatalogue('r', await archive.manifests([1, 2, 3].map(batchId)), 3);
  const inline: Shipper = {
    ship: (task) => shipBatch(context, task),
    verify: (pack, files) => verifyContent(objects, context.codec, pack, files),
    close: async () => {},
  };
  const verify = (readPercent = 0, random = () => 0.5, onProgress?: (progress: VerifyProgress) => void) =>
    verifyArchive(archive, inline, { readPercent, random, ...(onProgress ? { onProgress } : {}) });
  const replace = async (key: string, change: (bytes: Uint8Array) => Uint8Array) => {
    const bytes = await objects.get(key);
    await objects.delete(key);
    await objects.put(key, change(bytes));
  };
  return { archive, objects, codec: context.codec, verify, replace };
}

const PACKS = [1, 2, 3].map((n) => packKey(INSTANCE, batchId(n)));

describe('verifying an archive', () => {
  it('finds nothing in one that is whole, by size or by content', async () => {
    const { verify } = await archived();
    const whole = { manifests: 3, packs: 3, sessions: 3, differences: [], uncatalogued: [], strayPacks: [] };
    expect(await verify()).toMatchObject({ ...whole, packsRead: 0, bytesRead: 0 });
    expect(await verify(100)).toMatchObject({ ...whole, packsRead: 3 });
  });

  it('reads as large a part of the packs as it is asked to', async () => {
    const { verify } = await archived();
    const draws = [0.1, 0.6, 0.2];
    expect(await verify(30, () => draws.shift() ?? 1)).toMatchObject({ packsRead: 2 });
  });

  it('tells how far it is, and of how much once that is known', async () => {
    const { verify } = await archived();
    const all: VerifyProgress[] = [];
    const { bytesRead } = await verify(
      100,
      () => 0,
      (progress) => all.push(progress),
    );
    expect(all.at(-1)).toEqual({ packsDone: 3, packsTotal: 3, bytesDone: bytesRead, bytesTotal: bytesRead });
    const totals = all.map(({ packsTotal }) => packsTotal);
    expect(totals.slice(totals.indexOf(3)).every((total) => total === 3)).toBe(true);
    expect(totals.slice(0, totals.indexOf(3)).every((total) => total === undefined)).toBe(true);
  });

  it('lists every difference and goes on to the end', async () => {
    const { objects, verify, replace } = await archived();
    await objects.delete(PACKS[0] as string);
    await replace(PACKS[1] as string, (bytes) => bytes.subarray(1));
    await replace(manifestKey(INSTANCE, batchId(3)), (bytes) => bytes.subarray(0, 9));
    const { differences } = await verify();
    expect(differences.map(({ key, error }) => [key, error.code])).toEqual([
      [PACKS[0], 'object-not-found'],
      [PACKS[1], 'object-corrupt'],
      [`manifest of ${batchId(3)}`, 'frame-corrupt'],
    ]);
  });

  it('finds a flipped bit only if it reads the data, as it says', async () => {
    const { verify, replace } = await archived();
    await replace(PACKS[2] as string, (bytes) => flipBit(bytes));
    expect((await verify()).differences).toEqual([]);
    expect((await verify(100)).differences.map(({ key }) => key)).toEqual([PACKS[2]]);
  });

  it('finds a file that the manifest places outside of its pack', async () => {
    const { objects, codec, archive, verify } = await archived();
    const manifest = await archive.manifest(batchId(1));
    const forged = {
      ...manifest,
      sessions: manifest.sessions.map((one) => ({
        ...one,
        files: one.files.map((file) => ({ ...file, size: 1e9 })),
      })),
    };
    await objects.delete(manifestKey(INSTANCE, batchId(1)));
    await objects.put(manifestKey(INSTANCE, batchId(1)), codec.compress(encodeManifest(forged), 3));
    expect((await verify()).differences.map(({ error }) => error.code)).toEqual(['manifest-invalid']);
  });

  it('finds that a manifest is gone which the catalogue names', async () => {
    const { objects, verify } = await archived();
    await objects.delete(manifestKey(INSTANCE, batchId(2)));
    const result = await verify();
    expect(result.differences.map(({ key, error }) => [key, error.code])).toEqual([
      [`manifest of ${batchId(2)}`, 'object-not-found'],
    ]);
    expect(result.strayPacks).toEqual([PACKS[1]]);
  });

  it('tells packs that no manifest names and batches that no catalogue names, which are no differences', async () => {
    const { objects, verify } = await archived();
    await objects.put(packKey(INSTANCE, batchId(9)), Buffer.from('stray'));
    await objects.delete(catalogueKey(INSTANCE, 'r'));
    const result = await verify();
    expect(result).toMatchObject({ differences: [], strayPacks: [packKey(INSTANCE, batchId(9))] });
    expect(result.uncatalogued).toEqual([1, 2, 3].map(batchId));
  });

  it('lists a damaged catalogue as a difference beside the others', async () => {
    const { verify, replace } = await archived();
    await replace(catalogueKey(INSTANCE, 'r'), () => Buffer.from('junk'));
    expect((await verify()).differences.map(({ key, error }) => [key, error.code])).toEqual([
      ['catalogue of r', 'frame-corrupt'],
    ]);
  });

  it('refuses a manifest of a later format without giving up on the others', async () => {
    const { objects, codec, verify } = await archived();
    const newer = { ...manifestOf(7), format: 'clawback.manifest/2' };
    await objects.put(
      manifestKey(INSTANCE, batchId(7)),
      codec.compress(Buffer.from(JSON.stringify(newer)), 3),
    );
    const result = await verify();
    expect(result.manifests).toBe(4);
    expect(result.differences.map(({ error }) => error.code)).toEqual(['manifest-newer']);
  });
});
