import { appendFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import { PackReader } from '../../src/packs/pack-reader.ts';
import { shipBatch } from '../../src/ship/ship-batch.ts';
import type { ShipStep } from '../../src/ship/task.ts';
import { LeaseWorld } from '../support/leases.ts';
import { flipBit, RecordingStore } from '../support/recording-store.ts';
import { sha256, sourceOf } from '../support/sessions.ts';
import { contextOf, MANIFEST_KEY, manifestIn, PACK_KEY, taskOf } from '../support/ship.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const YEAR_MS = 365 * 86_400_000;

async function twoSessions() {
  const folder = await temporaryFolder();
  const first = [
    await sourceOf(folder, 'a.trajectory.jsonl', 'trajectory of a\n'.repeat(100), 'trajectory'),
    await sourceOf(folder, 'a.jsonl', 'conversation a\n'),
  ];
  const second = [await sourceOf(folder, 'b.jsonl', 'conversation b\n')];
  return { folder, task: taskOf(folder, [first, second]) };
}

async function keysIn(objects: MemoryObjectStore): Promise<string[]> {
  const keys = [];
  for await (const { key } of objects.list('')) keys.push(key);
  return keys;
}

describe('shipping a batch', () => {
  it('writes the pack, reads it back, and writes the manifest last', async () => {
    const { task } = await twoSessions();
    const objects = new RecordingStore(new MemoryObjectStore());
    await shipBatch(await contextOf(objects), task);
    const steps = objects.calls.map((call) => call.replace(/ \d+\+\d+$/, ''));
    expect([...new Set(steps)]).toEqual([
      `put ${PACK_KEY}`,
      `get ${PACK_KEY}`,
      `put ${MANIFEST_KEY}`,
      `get ${MANIFEST_KEY}`,
    ]);
  });

  it('writes no manifest once the lease is lost, and begins no further batch', async () => {
    const { task } = await twoSessions();
    const objects = new RecordingStore(new MemoryObjectStore());
    const world = new LeaseWorld(objects);
    const leases = await world.acquire();
    const context = { ...(await contextOf(objects)), lease: world.fence(leases) };
    const other = await world.acquire({ clock: { nowMs: () => world.nowMs + YEAR_MS } });
    await expect(shipBatch(context, task)).rejects.toMatchObject({ code: 'lease-lost' });
    expect(objects.of('put').filter((key) => !key.includes('/leases/'))).toEqual([PACK_KEY]);
    objects.calls.splice(0);
    await expect(shipBatch(context, task)).rejects.toMatchObject({ code: 'lease-lost' });
    expect(objects.calls).toEqual([]);
    await leases.release();
    await other.release();
  });

  it('records every file as it was, and each can be read back', async () => {
    const { folder, task } = await twoSessions();
    const context = await contextOf();
    const report = await shipBatch(context, task);
    const manifest = await manifestIn(context);
    const [pack] = manifest.packs;
    if (pack === undefined) throw new Error('no pack');
    const reader = new PackReader(context.objects, context.codec, pack);
    for (const [index, session] of manifest.sessions.entries()) {
      expect(session.archiveId).toBe(task.sessions[index]?.entry.archiveId);
      for (const file of session.files) {
        const chunks = [];
        for await (const chunk of reader.read(file)) chunks.push(Buffer.from(chunk));
        expect(Buffer.concat(chunks)).toEqual(await readFile(join(folder, file.name)));
        expect(file.mode).toBe(0o600);
      }
    }
    expect(report.shipped.map(({ index, files }) => [index, files.length])).toEqual([
      [0, 2],
      [1, 1],
    ]);
    expect(report).toMatchObject({
      manifestKey: MANIFEST_KEY,
      skipped: [],
      objects: 2,
      rawBytes: pack.rawBytes,
    });
  });

  it('hands back the identity of exactly the bytes that were hashed', async () => {
    const { task } = await twoSessions();
    const { shipped } = await shipBatch(await contextOf(), task);
    expect(shipped[1]?.files).toEqual([
      {
        kind: 'transcript',
        name: 'b.jsonl',
        identity: task.sessions[1]?.files[0]?.identity,
        sha256: sha256('conversation b\n'),
      },
    ]);
  });

  it.each([
    ['content', 6, 0.5],
    ['stored', 3, 1],
  ] as const)('tells how far it is (verify: %s)', async (verify, count, whenStored) => {
    const { task } = await twoSessions();
    const steps: ShipStep[] = [];
    const onStep = (step: ShipStep) => void steps.push(step);
    const { rawBytes } = await shipBatch({ ...(await contextOf(undefined, { verify })), onStep }, task);
    // Two conversations, each in a frame of its own, and the trajectory.
    expect(steps.map(({ batchId }) => batchId)).toEqual(Array(count).fill(task.batchId));
    expect([steps[2]?.bytes, steps.at(-1)?.bytes]).toEqual([rawBytes * whenStored, rawBytes]);
  });

  it('stores nothing but a manifest for a session without files', async () => {
    const objects = new MemoryObjectStore();
    const report = await shipBatch(await contextOf(objects), taskOf('/nowhere', [[]]));
    expect(await keysIn(objects)).toEqual([MANIFEST_KEY]);
    expect(report).toMatchObject({ objects: 1, rawBytes: 0, shipped: [{ index: 0, files: [] }] });
  });

  it('does not look into the files of others: a key never holds a session key', async () => {
    const objects = new RecordingStore(new MemoryObjectStore());
    const { task } = await twoSessions();
    await shipBatch(await contextOf(objects), task);
    for (const key of objects.of('put')) expect(key).toMatch(/^[a-z0-9/_.=-]+$/);
  });
});

describe('a session whose file is not what the plan saw', () => {
  const happenings: Record<string, (path: string) => Promise<void>> = {
    grew: (path) => appendFile(path, 'more'),
    'was cut off': (path) => writeFile(path, ''),
    'is gone': (path) => rm(path),
    'was replaced': async (path) => {
      await writeFile(`${path}.tmp`, 'conversation a\n');
      await rename(`${path}.tmp`, path);
    },
  };

  it.each(Object.entries(happenings))(
    'because it %s is left behind, and the others ship',
    async (_what, happen) => {
      const { folder, task } = await twoSessions();
      await happen(join(folder, 'a.jsonl'));
      const context = await contextOf();
      const report = await shipBatch(context, task);
      expect(report.skipped).toEqual([
        { index: 0, error: expect.objectContaining({ code: 'source-changed' }) },
      ]);
      expect(report.shipped.map(({ index }) => index)).toEqual([1]);
      const manifest = await manifestIn(context);
      expect(manifest.sessions.map(({ sessionId }) => sessionId)).toEqual(['s1']);
    },
  );

  it('leaves nothing in the archive if it was the only one', async () => {
    const folder = await temporaryFolder();
    const task = taskOf(folder, [[await sourceOf(folder, 'a.jsonl', 'x')]]);
    await appendFile(join(folder, 'a.jsonl'), 'y');
    const objects = new MemoryObjectStore();
    expect(await shipBatch(await contextOf(objects), task)).toMatchObject({
      manifestKey: null,
      shipped: [],
      objects: 0,
    });
    expect(await keysIn(objects)).toEqual([]);
  });
});

describe('a server that damages what it is sent', () => {
  const damage: Record<string, (bytes: Uint8Array) => Uint8Array> = {
    'flips a bit of': (bytes) => flipBit(bytes),
    'cuts the end off': (bytes) => bytes.subarray(0, -1),
    empties: () => new Uint8Array(),
    'answers 200 with a page instead of': () => Buffer.from('<html>200 OK</html>'),
  };
  const cases = (['content', 'stored'] as const).flatMap((verify) =>
    Object.entries(damage).map(([what, how]) => [what, verify, how] as const),
  );

  it.each(cases)('and %s the pack gets no manifest (verify: %s)', async (_what, verify, how) => {
    const inner = new MemoryObjectStore();
    const objects = new RecordingStore(inner, {
      corruptPut: (key, bytes) => (key === PACK_KEY ? how(bytes) : bytes),
      noServerHash: true,
    });
    const { task } = await twoSessions();
    await expect(shipBatch(await contextOf(objects, { verify }), task)).rejects.toMatchObject({
      code: expect.stringMatching(/^(object-corrupt|frame-corrupt)$/),
    });
    expect(await keysIn(inner)).toEqual([PACK_KEY]);
  });

  it.each(Object.entries(damage))(
    'and %s the manifest is noticed before anything local goes',
    async (_what, how) => {
      const objects = new RecordingStore(new MemoryObjectStore(), {
        corruptPut: (key, bytes) => (key === MANIFEST_KEY ? how(bytes) : bytes),
      });
      const { task } = await twoSessions();
      await expect(shipBatch(await contextOf(objects), task)).rejects.toMatchObject({
        code: expect.stringMatching(/^(object-corrupt|frame-corrupt)$/),
      });
    },
  );
});

describe('modelRun.keepTranscripts: false', () => {
  it('keeps the row, and name, size and hash of every file, but no bytes', async () => {
    const folder = await temporaryFolder();
    const source = await sourceOf(folder, 'a.jsonl', 'a probe\n');
    const empty = await sourceOf(folder, 'a.trajectory.jsonl', '', 'trajectory');
    const objects = new MemoryObjectStore();
    const context = await contextOf(objects);
    const report = await shipBatch(context, taskOf(folder, [[source, empty]], { keepFiles: false }));
    expect(await keysIn(objects)).toEqual([MANIFEST_KEY]);
    const [session] = (await manifestIn(context)).sessions;
    expect(session?.files).toMatchObject([
      { name: 'a.jsonl', size: 8, sha256: sha256('a probe\n'), place: null },
      { name: 'a.trajectory.jsonl', size: 0, sha256: sha256(''), place: null },
    ]);
    expect(report.shipped[0]?.files.map(({ name }) => name)).toEqual(['a.jsonl', 'a.trajectory.jsonl']);
  });
});
