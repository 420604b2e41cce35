import { expect, it } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import { CatalogueCache } from '../../src/archive/catalogue-cache.ts';
import { ClawbackError } from '../../src/errors.ts';
import { manifestKey } from '../../src/manifest/keys.ts';
import { encodeManifest } from '../../src/manifest/manifest.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import { verifyArchive } from '../../src/verify/verify-archive.ts';
import { batchId, manifestOf } from '../support/manifests.ts';
import { contextOf, INSTANCE } from '../support/ship.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('an interrupt while packs are read is one error, with nothing left unhandled', async () => {
  const objects = new MemoryObjectStore();
  const { codec } = await contextOf(objects);
  const archive = new Archive(
    objects,
    codec,
    INSTANCE,
    new CatalogueCache(await temporaryFolder(), 'memory:'),
  );
  for (const n of [1, 2, 3]) {
    const manifest = manifestOf(n, 2);
    await objects.put(manifestKey(INSTANCE, batchId(n)), codec.compress(encodeManifest(manifest), 3));
    for (const pack of manifest.packs) await objects.put(pack.key, new Uint8Array(pack.storedBytes));
  }
  const interrupt = new AbortController();
  const unhandled: unknown[] = [];
  const listen = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', listen);
  const shipper = {
    ship: () => Promise.reject(new Error('unused')),
    verify: async () => {
      interrupt.abort();
      throw new ClawbackError('interrupted', 'verify: interrupted');
    },
    close: async () => {},
  };
  const outcome = verifyArchive(archive, shipper, { readPercent: 100, random: () => 0 }, interrupt.signal);
  await expect(outcome).rejects.toMatchObject({ code: 'interrupted' });
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', listen);
  expect(unhandled).toEqual([]);
});
