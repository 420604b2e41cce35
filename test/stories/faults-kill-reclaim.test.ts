import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../src/demo/random.ts';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import { endState, lostFiles, readOriginals, spawnAnd } from '../support/fault-stories.ts';
import { Home } from './support/home.ts';

const NOW_MS = Date.now();
const SEEDS = 12;
/** Nothing that may go is spared, and it is not enough: exit code 3. */
const RECLAIM = ['reclaim', '--max-disk', '1KB'] as const;

async function smallHome(): Promise<Home> {
  const home = await Home.create({
    settings: { diskBudget: { protectedFloor: '7d' }, jobs: 2 },
    nowMs: NOW_MS,
  });
  await writeSlackStore({ stateDir: home.stateDir, nowMs: NOW_MS, countScale: 0.05, sizeScale: 0.01 });
  return home;
}

let expected: unknown;
let durationMs: number;

beforeAll(async () => {
  const home = await smallHome();
  const startedMs = performance.now();
  (await home.compiled(process.execPath, ...RECLAIM)).expect(3);
  durationMs = performance.now() - startedMs;
  expected = await endState(home);
});

describe('a disk that is being freed by a run that is killed at a random instant', () => {
  test.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
    'loses nothing, and is freed by the next run (seed %i)',
    async (seed) => {
      const home = await smallHome();
      const originals = await readOriginals(home);
      const afterMs = durationMs * createRandom(`kill-reclaim/${seed}`).between(0.2, 1);
      const ending = await spawnAnd(home, RECLAIM, async (kill) => {
        await delay(afterMs);
        kill('SIGKILL');
      });
      const label = `killed after ${Math.round(afterMs)} ms of ${Math.round(durationMs)} (${ending.signal ?? ending.code})`;
      expect(await lostFiles(home, originals), label).toEqual([]);
      (await home.compiled(process.execPath, ...RECLAIM)).expect(3);
      expect(await endState(home), label).toEqual(expected);
      expect(await lostFiles(home, originals), label).toEqual([]);
      await rm(home.root, { recursive: true });
    },
  );

  test('Ctrl-C ends it with 130, without a lock, and the next run finishes', async () => {
    const home = await smallHome();
    const originals = await readOriginals(home);
    const ending = await spawnAnd(home, RECLAIM, async (kill) => {
      await delay(durationMs * 0.6);
      kill('SIGINT');
    });
    expect([130, 3], ending.output).toContain(ending.code);
    expect(await lostFiles(home, originals)).toEqual([]);
    (await home.compiled(process.execPath, ...RECLAIM)).expect(3);
    expect(await endState(home)).toEqual(expected);
  });
});
