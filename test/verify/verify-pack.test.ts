import { describe, expect, it } from 'vitest';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import { shipBatch } from '../../src/ship/ship-batch.ts';
import { verifyContent, verifyStored } from '../../src/verify/verify-pack.ts';
import { flipBit, RecordingStore } from '../support/recording-store.ts';
import { sha256, sourceOf } from '../support/sessions.ts';
import { contextOf, manifestIn, PACK_KEY, taskOf } from '../support/ship.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function shipped() {
  const folder = await temporaryFolder();
  const memory = new MemoryObjectStore();
  const context = await contextOf(memory);
  const files = [
    await sourceOf(folder, 'a.jsonl', 'conversation a\n'.repeat(50)),
    await sourceOf(folder, 'b.jsonl', 'conversation b\n'.repeat(50)),
    await sourceOf(folder, 'empty.jsonl', ''),
    await sourceOf(folder, 'a.trajectory.jsonl', 'trajectory\n'.repeat(500), 'trajectory'),
  ];
  await shipBatch(context, taskOf(folder, [files]));
  const manifest = await manifestIn(context);
  const [pack] = manifest.packs;
  if (pack === undefined) throw new Error('no pack');
  const through = (corruptGet: (key: string, bytes: Uint8Array) => Uint8Array) =>
    new RecordingStore(memory, { corruptGet });
  return { memory, context, pack, files: manifest.sessions[0]?.files ?? [], through };
}

const corrupt = { code: expect.stringMatching(/^(object-corrupt|frame-corrupt)$/) };

describe('verify: content', () => {
  it('accepts what was shipped', async () => {
    const { memory, context, pack, files } = await shipped();
    await expect(verifyContent(memory, context.codec, pack, files)).resolves.toBeUndefined();
  });

  it('accepts no single flipped bit, wherever it is', async () => {
    const { context, pack, files, through } = await shipped();
    for (let at = 0; at < pack.storedBytes; at += 3) {
      const damaged = through((_key, bytes) => flipBit(bytes, at));
      await expect(
        verifyContent(damaged, context.codec, pack, files),
        `bit of byte ${at}`,
      ).rejects.toMatchObject(corrupt);
    }
  });

  it('accepts no pack whose frames have changed places', async () => {
    const { context, pack, files, through } = await shipped();
    const [first, second] = pack.frames;
    if (first === undefined || second === undefined) throw new Error('two frames are needed');
    const swapped = through((_key, bytes) =>
      Buffer.concat([
        bytes.subarray(second.offset, second.offset + second.storedBytes),
        bytes.subarray(0, second.offset),
        bytes.subarray(second.offset + second.storedBytes),
      ]),
    );
    await expect(verifyContent(swapped, context.codec, pack, files)).rejects.toMatchObject(corrupt);
  });

  it('accepts no other file of the same size under a right pack', async () => {
    const { memory, context, pack, files } = await shipped();
    const forged = files.map((file, index) => (index === 0 ? { ...file, sha256: sha256('another') } : file));
    await expect(verifyContent(memory, context.codec, pack, forged)).rejects.toMatchObject({
      code: 'object-corrupt',
    });
  });

  it('accepts no pack that is gone', async () => {
    const { memory, context, pack, files } = await shipped();
    await memory.delete(PACK_KEY);
    await expect(verifyContent(memory, context.codec, pack, files)).rejects.toMatchObject({
      code: 'object-not-found',
    });
  });
});

describe('verify: stored', () => {
  it('trusts a hash that the server computed itself, and reads nothing then', async () => {
    const { memory, pack } = await shipped();
    const objects = new RecordingStore(memory);
    await verifyStored(objects, pack);
    expect(objects.calls).toEqual([`stat ${PACK_KEY}`]);
  });

  it('reads the bytes back where the server has no hash of its own', async () => {
    const { memory, pack } = await shipped();
    const objects = new RecordingStore(memory, { noServerHash: true });
    await verifyStored(objects, pack);
    expect(objects.of('get')).toEqual([`${PACK_KEY} 0+${pack.storedBytes}`]);
  });

  it('accepts neither other bytes nor another size', async () => {
    const { memory, pack } = await shipped();
    const flipped = new RecordingStore(memory, {
      noServerHash: true,
      corruptGet: (_key, bytes) => flipBit(bytes),
    });
    await expect(verifyStored(flipped, pack)).rejects.toMatchObject({ code: 'object-corrupt' });
    const larger = { ...pack, storedBytes: pack.storedBytes + 1 };
    await expect(verifyStored(memory, larger)).rejects.toMatchObject({ code: 'object-corrupt' });
    await expect(verifyStored(memory, { ...pack, sha256: sha256('x') })).rejects.toMatchObject({
      code: 'object-corrupt',
    });
  });
});
