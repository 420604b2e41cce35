import { describe, expect, it } from 'vitest';
import type { EngineChoice } from '../../src/codec/codec.ts';
import type { ManifestFile } from '../../src/manifest/manifest.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import { TRANSCRIPT_FRAME_BYTES } from '../../src/packs/frame-layout.ts';
import { PackReader } from '../../src/packs/pack-reader.ts';
import { shipBatch } from '../../src/ship/ship-batch.ts';
import { randomBytes } from '../conformance/codec.ts';
import { flipBit, RecordingStore } from '../support/recording-store.ts';
import { sha256, sourceOf } from '../support/sessions.ts';
import { contextOf, manifestIn, PACK_KEY, taskOf } from '../support/ship.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const LARGE = randomBytes(3 * TRANSCRIPT_FRAME_BYTES + 99, 'large');

/** A pack of a transcript in one frame, one in four, an empty one and two trajectories that share. */
async function pack(engine: EngineChoice = 'auto') {
  const folder = await temporaryFolder();
  const memory = new MemoryObjectStore();
  const context = await contextOf(memory, { engine });
  const sources = [
    await sourceOf(folder, 'small.jsonl', 'a short conversation\n'),
    await sourceOf(folder, 'large.jsonl', LARGE),
    await sourceOf(folder, 'empty.jsonl', ''),
    await sourceOf(folder, 'one.trajectory.jsonl', 'first\n'.repeat(200), 'trajectory'),
    await sourceOf(folder, 'two.trajectory.jsonl', 'second\n'.repeat(200), 'trajectory'),
  ];
  await shipBatch(context, taskOf(folder, [sources]));
  const manifest = await manifestIn(context);
  const [stored] = manifest.packs;
  if (stored === undefined) throw new Error('no pack');
  const fileOf = (name: string) =>
    manifest.sessions[0]?.files.find((file) => file.name === name) as ManifestFile;
  return { memory, codec: context.codec, stored, fileOf };
}

async function readAll(reader: PackReader, file: ManifestFile): Promise<Buffer> {
  const chunks = [];
  for await (const chunk of reader.read(file)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

describe.each(['node', 'wasm'] as const)('reading a pack of engine %s', (engine) => {
  it('brings back every file as it was', async () => {
    const { memory, codec, stored, fileOf } = await pack(engine);
    const reader = new PackReader(memory, codec, stored);
    expect((await readAll(reader, fileOf('small.jsonl'))).toString()).toBe('a short conversation\n');
    expect(sha256(await readAll(reader, fileOf('large.jsonl')))).toBe(sha256(LARGE));
    expect(await readAll(reader, fileOf('empty.jsonl'))).toHaveLength(0);
    expect((await readAll(reader, fileOf('two.trajectory.jsonl'))).toString()).toBe('second\n'.repeat(200));
    expect((await readAll(reader, fileOf('one.trajectory.jsonl'))).toString()).toBe('first\n'.repeat(200));
  });
});

describe('the requests for a file', () => {
  it('are one for a small transcript, of its own frame only', async () => {
    const { memory, codec, stored, fileOf } = await pack();
    const objects = new RecordingStore(memory);
    await readAll(new PackReader(objects, codec, stored), fileOf('small.jsonl'));
    const frame = stored.frames[fileOf('small.jsonl').place?.frame ?? -1];
    expect(objects.of('get')).toEqual([`${PACK_KEY} ${frame?.offset}+${frame?.storedBytes}`]);
  });

  it('are none for an empty one, and few for one of 12 MB', async () => {
    const { memory, codec, stored, fileOf } = await pack();
    const objects = new RecordingStore(memory);
    await readAll(new PackReader(objects, codec, stored), fileOf('empty.jsonl'));
    expect(objects.calls).toEqual([]);
    await readAll(new PackReader(objects, codec, stored), fileOf('large.jsonl'));
    expect(objects.of('get').length).toBeLessThanOrEqual(4);
  });

  it('are none for a second file of the frame that was just read', async () => {
    const { memory, codec, stored, fileOf } = await pack();
    const objects = new RecordingStore(memory);
    const reader = new PackReader(objects, codec, stored);
    await readAll(reader, fileOf('one.trajectory.jsonl'));
    await readAll(reader, fileOf('two.trajectory.jsonl'));
    expect(objects.of('get')).toHaveLength(1);
  });
});

describe('a damaged answer', () => {
  const damage: Record<string, (bytes: Uint8Array) => Uint8Array> = {
    'a flipped bit': (bytes) => flipBit(bytes),
    'a flipped bit in the last byte': (bytes) => flipBit(bytes, bytes.length - 1),
    'a short one': (bytes) => bytes.subarray(0, -1),
    'an empty one': () => new Uint8Array(),
    zeros: (bytes) => new Uint8Array(bytes.length),
    'a page': (bytes) => Buffer.alloc(bytes.length, '<html>200 OK</html>'),
  };

  it.each(Object.entries(damage))('is refused: %s', async (_what, corruptGet) => {
    const { memory, codec, stored, fileOf } = await pack();
    const objects = new RecordingStore(memory, { corruptGet: (_key, bytes) => corruptGet(bytes) });
    for (const name of ['small.jsonl', 'large.jsonl', 'two.trajectory.jsonl']) {
      await expect(readAll(new PackReader(objects, codec, stored), fileOf(name)), name).rejects.toMatchObject(
        {
          code: expect.stringMatching(/^(object-corrupt|frame-corrupt)$/),
        },
      );
    }
  });

  it('is refused although it decodes: the frames of two transcripts have changed places', async () => {
    const { memory, codec, stored, fileOf } = await pack();
    const file = fileOf('large.jsonl');
    const swapped = { ...file, place: { frame: (file.place?.frame ?? 0) + 1, offset: 0 }, size: 1000 };
    await expect(readAll(new PackReader(memory, codec, stored), swapped)).rejects.toMatchObject({
      code: 'object-corrupt',
    });
  });

  it('is refused if a forged manifest claims another size of a frame', async () => {
    const { memory, codec, stored, fileOf } = await pack();
    for (const delta of [-1, 1]) {
      const frames = stored.frames.map((frame) => ({ ...frame, rawBytes: frame.rawBytes + delta }));
      await expect(
        readAll(new PackReader(memory, codec, { ...stored, frames }), fileOf('small.jsonl')),
      ).rejects.toMatchObject({
        code: expect.stringMatching(/^(object-corrupt|frame-corrupt)$/),
      });
    }
  });

  it('is not even asked for if the frames of the manifest do not tile the pack', async () => {
    const { memory, codec, stored } = await pack();
    expect(() => new PackReader(memory, codec, { ...stored, storedBytes: 1 })).toThrowError(
      expect.objectContaining({ code: 'manifest-invalid' }),
    );
  });
});
