import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../src/demo/random.ts';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import { endState, lostFiles, openHomeArchive, readOriginals, spawnAnd } from '../support/fault-stories.ts';
import { Home } from './support/home.ts';

/** The compiled program has the system's clock; all homes count their ages from one moment. */
const NOW_MS = Date.now();
const ARCHIVE_SEEDS = 30;
const RESTORE_SEEDS = 10;

async function smallHome(): Promise<Home> {
  const settings = { retention: { protectedPruneAfter: '7d' }, jobs: 2 };
  const home = await Home.create({ settings, nowMs: NOW_MS });
  await writeSlackStore({ stateDir: home.stateDir, nowMs: NOW_MS, countScale: 0.05, sizeScale: 0.01 });
  return home;
}

let expected: unknown;
let durationMs: number;

beforeAll(async () => {
  const home = await smallHome();
  const startedMs = performance.now();
  (await home.compiled(process.execPath, 'archive')).expect(0);
  durationMs = performance.now() - startedMs;
  expected = await endState(home);
});

/** Runs until nothing is left to do, as the next nights would. */
async function converge(home: Home, label: string, isThorough = true): Promise<void> {
  const next = await home.compiled(process.execPath, 'archive');
  expect(next.exitCode, `${label}: ${next.text}${next.stderr}`).toBe(0);
  expect(await endState(home), label).toEqual(expected);
  if (!isThorough) return;
  const objects = await home.conversationObjects();
  (await home.compiled(process.execPath, 'archive')).expect(0);
  expect(await home.conversationObjects(), `${label}: a third run stores nothing`).toEqual(objects);
}

describe('an archive run that is killed at a random instant', () => {
  test.each(Array.from({ length: ARCHIVE_SEEDS }, (_, seed) => seed))(
    'loses nothing and is finished by the next one (seed %i)',
    async (seed) => {
      const home = await smallHome();
      const originals = await readOriginals(home);
      // The first fifth of the time is Node starting up.
      const afterMs = durationMs * createRandom(`kill/${seed}`).between(0.2, 1);
      const ending = await spawnAnd(home, ['archive'], async (kill) => {
        await delay(afterMs);
        kill('SIGKILL');
      });
      const label = `killed after ${Math.round(afterMs)} ms of ${Math.round(durationMs)} (${ending.signal ?? ending.code})`;
      expect(await lostFiles(home, originals), label).toEqual([]);
      await converge(home, label, seed % 6 === 0);
      expect(await lostFiles(home, originals), label).toEqual([]);
      await rm(home.root, { recursive: true });
    },
  );
});

describe('a restore that is killed at a random instant', () => {
  test.each(Array.from({ length: RESTORE_SEEDS }, (_, seed) => seed))(
    'is finished by the same command again (seed %i)',
    async (seed) => {
      const home = await smallHome();
      const originals = await readOriginals(home);
      const rowsBefore = await home.rows();
      (await home.compiled(process.execPath, 'archive')).expect(0);
      const archive = await openHomeArchive(home);
      const trimmed = (await archive.catalogue()).find(({ action, files }) => action === 'trim' && files > 2);
      const archiveId = trimmed?.archive_id ?? '';
      const afterMs = durationMs * createRandom(`kill-restore/${seed}`).between(0.2, 0.8);
      await spawnAnd(home, ['restore', archiveId], async (kill) => {
        await delay(afterMs);
        kill('SIGKILL');
      });
      expect(await lostFiles(home, originals)).toEqual([]);
      (await home.compiled(process.execPath, 'restore', archiveId)).expect(0);
      const key = trimmed?.session_key ?? '';
      expect((await home.rows())[key]).toEqual(rowsBefore[key]);
      const manifest = await archive.manifest(trimmed?.batch_id ?? '');
      const session = manifest.sessions.find((one) => one.archiveId === archiveId);
      for (const file of session?.files ?? []) {
        const bytes = await readFile(join(home.sessionsDir(), file.name));
        expect(bytes.length, file.name).toBe(file.size);
      }
      const state = (await endState(home)) as { files: string[] };
      expect(state.files.filter((name) => name.startsWith('.clawback'))).toEqual([]);
      await rm(home.root, { recursive: true });
    },
  );
});

describe('Ctrl-C', () => {
  test('ends the run with 130 and without a lock, and the next run finishes', async () => {
    const home = await smallHome();
    const originals = await readOriginals(home);
    const ending = await spawnAnd(home, ['archive'], async (kill) => {
      // From the first look at the store on, the signal is ours.
      while (!(await readdir(home.sessionsDir())).includes('.clawback.lock')) await setImmediate();
      kill('SIGINT');
    });
    expect(ending.code, ending.output).toBe(130);
    expect((await readdir(home.sessionsDir())).filter((name) => name.startsWith('.clawback'))).toEqual([]);
    expect(await lostFiles(home, originals)).toEqual([]);
    await converge(home, 'interrupted');
  });
});
