import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeCodec } from '../../src/codec/node-zlib.ts';
import { loadWasmCodec } from '../../src/codec/wasm.ts';
import { createRandom, type Random } from '../../src/demo/random.ts';
import { ClawbackError } from '../../src/errors.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import { describeStats } from '../../src/scan/scan.ts';
import { putPack } from '../../src/ship/put-pack.ts';
import { verifyContent } from '../../src/verify/verify-pack.ts';
import { FaultHome } from '../support/faults.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** How a call goes wrong: not at all, before anything is stored, or with the reply lost behind it. */
type Weather = () => 'fine' | 'refused' | 'reply lost';

function weather(random: Random, share: number): Weather {
  return () => (random.next() >= share ? 'fine' : random.next() < 0.5 ? 'refused' : 'reply lost');
}

function unreachable(): ClawbackError {
  return new ClawbackError('archive-unreachable', 'put object: 503', { retryable: true });
}

function stormy(objects: ObjectStore, next: Weather): ObjectStore {
  const call = async <T>(effect: () => Promise<T>): Promise<T> => {
    const state = next();
    if (state === 'refused') throw unreachable();
    const result = await effect();
    if (state === 'reply lost') throw unreachable();
    return result;
  };
  return {
    url: objects.url,
    put: (...args) => call(() => objects.put(...args)),
    get: (...args) => call(() => objects.get(...args)),
    stat: (...args) => call(() => objects.stat(...args)),
    delete: (...args) => call(() => objects.delete(...args)),
    abortStaleUploads: (...args) => call(() => objects.abortStaleUploads(...args)),
    async *openUploads(...args) {
      if (next() !== 'fine') throw unreachable();
      yield* objects.openUploads(...args);
    },
    async *list(...args) {
      if (next() !== 'fine') throw unreachable();
      yield* objects.list(...args);
    },
    createWriter(...args) {
      const writer = objects.createWriter(...args);
      return {
        write: (bytes) => call(() => writer.write(bytes)),
        close: () => call(() => writer.close()),
        abort: () => writer.abort(),
      };
    },
  };
}

/** Stores one bit wrong in some of the objects that it is given, and says that all is well. */
function corrupting(objects: ObjectStore, random: Random, share: number): ObjectStore {
  const damage = (bytes: Uint8Array) => {
    if (random.next() >= share || bytes.length === 0) return bytes;
    const copy = Uint8Array.from(bytes);
    const at = random.int(0, copy.length - 1);
    copy[at] = (copy[at] as number) ^ (1 << random.int(0, 7));
    return copy;
  };
  return {
    url: objects.url,
    put: (key, bytes, signal) => objects.put(key, damage(bytes), signal),
    get: (...args) => objects.get(...args),
    stat: (...args) => objects.stat(...args),
    delete: (...args) => objects.delete(...args),
    list: (...args) => objects.list(...args),
    openUploads: (...args) => objects.openUploads(...args),
    abortStaleUploads: (...args) => objects.abortStaleUploads(...args),
    createWriter(...args) {
      const writer = objects.createWriter(...args);
      return {
        write: (bytes) => writer.write(damage(bytes)),
        close: () => writer.close(),
        abort: () => writer.abort(),
      };
    },
  };
}

async function undisturbed(): Promise<unknown> {
  const home = await FaultHome.create(await temporaryFolder());
  await home.run();
  return home.endState();
}

describe('an archive of which some calls fail, with or without effect', () => {
  test.each([0.05, 0.2, 0.5])('loses nothing at %f and comes to the same end', async (share) => {
    const expected = await undisturbed();
    for (let seed = 1; seed <= 8; seed += 1) {
      const random = createRandom(`storm/${share}/${seed}`);
      const home = await FaultHome.create(await temporaryFolder());
      for (let night = 1; night <= 6; night += 1) {
        await home
          .run({ objects: stormy(home.directory(), weather(random, share)) })
          .catch((error: unknown) => {
            if (!(error instanceof ClawbackError)) throw error;
          });
        expect(await home.lostFiles(), `seed ${seed}, night ${night}`).toEqual([]);
      }
      const tally = await home.run();
      expect([tally.failures, tally.problems]).toEqual([[], []]);
      expect(await home.endState(), `seed ${seed}`).toEqual(expected);
    }
  });
});

describe('an archive that damages one write in three and does not say so', () => {
  test('is found out before anything local goes', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = createRandom(`corrupt/${seed}`);
      const home = await FaultHome.create(await temporaryFolder());
      const label = `seed ${seed}`;
      for (let night = 1; night <= 4; night += 1) {
        await home.run({ objects: corrupting(home.directory(), random, 1 / 3) }).catch((error: unknown) => {
          if (!(error instanceof ClawbackError)) throw error;
        });
        expect(await lostDespiteDamage(home), label).toEqual([]);
      }
    }
  });
});

/** Damaged manifests name nothing that was removed here: the readable ones must account for every file. */
async function lostDespiteDamage(home: FaultHome): Promise<string[]> {
  const archive = await home.archive();
  const readable: string[] = [];
  for (const id of await archive.batchIds()) {
    await archive.manifest(id).then(
      () => readable.push(id),
      (error: unknown) => {
        if (!(error instanceof ClawbackError)) throw error;
      },
    );
  }
  return home.lostFiles(readable);
}

describe.each([
  ['node', async () => nodeCodec()],
  ['wasm', loadWasmCodec],
] as const)('a stored pack of the %s engine', (_name, open) => {
  test('is refused with any one of 1000 bits flipped', async () => {
    const codec = await open();
    const home = await FaultHome.create(await temporaryFolder());
    const objects = new MemoryObjectStore();
    const names = (await readdir(home.sessionsDir)).filter((name) => name !== 'sessions.json').sort();
    const files = await Promise.all(
      names.map(async (name, session) => {
        const { identity, mode, mtimeMs } = describeStats(
          await lstat(join(home.sessionsDir, name), { bigint: true }),
        );
        return {
          session,
          path: `main/${name}`,
          source: { name, kind: 'transcript' as const, identity, mode, mtimeMs },
        };
      }),
    );
    const { pack, files: recorded } = await putPack(objects, codec, {
      key: 'p',
      folders: home,
      files,
      level: 3,
    });
    await verifyContent(objects, codec, pack, recorded);
    const good = await objects.get('p');
    const random = createRandom('flips');
    for (let flip = 1; flip <= 1000; flip += 1) {
      const bad = Uint8Array.from(good);
      const at = random.int(0, bad.length - 1);
      bad[at] = (bad[at] as number) ^ (1 << random.int(0, 7));
      const damaged = new MemoryObjectStore();
      await damaged.put('p', bad);
      await expect(verifyContent(damaged, codec, pack, recorded), `byte ${at}`).rejects.toMatchObject({
        code: expect.stringMatching(/^(object|frame)-corrupt$/),
      });
    }
  });
});
