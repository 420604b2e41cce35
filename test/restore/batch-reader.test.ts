import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import { CatalogueCache } from '../../src/archive/catalogue-cache.ts';
import type { ManifestFile } from '../../src/manifest/manifest.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import { BatchReader } from '../../src/restore/batch-reader.ts';
import { shipBatch } from '../../src/ship/ship-batch.ts';
import { collect, GRACE_MS, mark } from '../support/collecting.ts';
import { seededRandom } from '../support/random.ts';
import { BATCH_ID, sourceOf } from '../support/sessions.ts';
import { contextOf, INSTANCE, taskOf } from '../support/ship.ts';
import { NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MiB = 1 << 20;

/** What no codec makes smaller, so that its frames are fetched one by one. */
function noise(bytes: number, seed: number): string {
  const random = seededRandom(seed);
  const letters = Array.from({ length: bytes }, () => String.fromCharCode(33 + Math.floor(random() * 94)));
  return letters.join('');
}

/** Two sessions in one batch, the second of them large; a function that collects what is forgotten by then. */
async function twoSessions() {
  const folder = await temporaryFolder();
  const objects = new MemoryObjectStore();
  const context = await contextOf(objects);
  const first = await sourceOf(folder, 'first.jsonl', noise(MiB + 5, 1));
  const large = await sourceOf(folder, 'large.jsonl', noise(13 * MiB + 17, 2));
  await shipBatch(context, taskOf(folder, [[first], [large]]));
  const cache = new CatalogueCache(await temporaryFolder(), objects.url);
  const archive = new Archive(objects, context.codec, INSTANCE, cache);
  await archive.writeCatalogue('r', await archive.manifests([BATCH_ID]), 3);
  const forget = async (index: number) => {
    await mark(archive, 'forget', [`${BATCH_ID}.${index}`], NOW_MS);
    const { deleted, problems } = await collect(archive, NOW_MS + GRACE_MS);
    expect([deleted, problems]).toEqual([[`${BATCH_ID}.${index}`], []]);
  };
  const manifest = await archive.manifest(BATCH_ID);
  const [pack] = manifest.packs;
  const file = manifest.sessions[1]?.files[0];
  if (pack === undefined || file === undefined) throw new Error('nothing was archived');
  expect(pack.frames.length).toBeGreaterThan(3);
  return { archive, file, forget, reader: new BatchReader(archive, manifest, pack) };
}

async function digestWhile(
  reader: BatchReader,
  file: ManifestFile,
  between: (chunk: number) => Promise<void>,
) {
  const hash = createHash('sha256');
  let chunks = 0;
  for await (const chunk of reader.read(file)) {
    hash.update(chunk);
    chunks += 1;
    await between(chunks);
  }
  return hash.digest('hex');
}

test('a file goes on where it was when its batch is replaced in the middle of it', async () => {
  const { file, forget, reader } = await twoSessions();
  const digest = await digestWhile(reader, file, async (chunk) => {
    if (chunk === 2) await forget(0);
  });
  expect(digest).toBe(file.sha256);
  // And from its beginning, by what the first manifest says of it.
  expect(await digestWhile(reader, file, async () => {})).toBe(file.sha256);
});

test('a file that is deleted in the middle of it is not found, and why is said', async () => {
  const { file, forget, reader } = await twoSessions();
  const reading = digestWhile(reader, file, async (chunk) => {
    if (chunk === 2) await forget(1);
  });
  await expect(reading).rejects.toMatchObject({
    code: 'object-not-found',
    message: expect.stringContaining('clawback gc has deleted it meanwhile'),
  });
});

test('a pack that is missing is not found, where its batch is what it was', async () => {
  const { archive, file, reader } = await twoSessions();
  const [pack] = (await archive.manifest(BATCH_ID)).packs;
  await archive.objects.delete(pack?.key ?? '');
  await expect(digestWhile(reader, file, async () => {})).rejects.toMatchObject({ code: 'object-not-found' });
});
