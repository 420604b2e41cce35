import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ErrorJson } from './support/answers.ts';
import { DAY_MS, Home } from './support/home.ts';
import { threadOf, writeThreadStore } from './support/rooms.ts';

const KEY = 'agent:main:slack:channel:c0a:thread:1762500000.000000';

/** One thread, archived; and what there is of it in the archive. */
async function archivedHome(): Promise<Home> {
  const home = await Home.create({ settings: { retention: { protectedPruneAfter: '7d' } } });
  await addThread(home, 0);
  await home.json('archive');
  return home;
}

async function addThread(home: Home, n: number): Promise<void> {
  const thread = { sessionId: `s-${n}`, updatedAtMs: home.nowMs - 9 * DAY_MS, text: 'x'.repeat(2000) };
  await writeThreadStore(home.storePath(), { main: [threadOf('C0A', `176250000${n}.000000`, thread)] });
}

async function refused(home: Home, ...argv: string[]): Promise<string> {
  const error = (await home.clawback(...argv, '--json')).expect(1).json<ErrorJson>();
  expect(error).toMatchObject({ code: 'archive-replaced', retryable: false });
  return `${error.message}; ${error.hint}`;
}

describe('an archive that is not the one that this host archived into', () => {
  test.each([
    ['is gone', async () => {}],
    ['is the empty mount point of a disk', (home: Home) => mkdir(home.archiveDir)],
  ])('%s: nothing is written there, and nothing vouches for it', async (_what, leave) => {
    const home = await archivedHome();
    const aside = `${home.archiveDir}.mounted-elsewhere`;
    await rename(home.archiveDir, aside);
    await leave(home);
    await addThread(home, 1);
    const before = await home.storeText();
    for (const argv of [['archive'], ['verify'], ['drill'], ['gc'], ['reclaim', '--max-disk', '1KB']])
      expect(await refused(home, ...argv)).toMatch(/nothing in it is of them; is its disk mounted/);
    const doctor = (await home.clawback('doctor')).expect(1);
    expect(doctor.text).toContain('nothing in it is of them');
    expect(await home.storeText()).toBe(before);
    expect(await readdir(home.archiveDir).catch(() => [])).toEqual([]);

    await rm(home.archiveDir, { recursive: true, force: true });
    await rename(aside, home.archiveDir);
    await home.json('archive');
    await home.json('verify');
    (await home.clawback('restore', KEY)).expect(0);
  });

  test('is an older copy: a restore from it goes on with a warning, a run does not', async () => {
    const home = await archivedHome();
    const copy = `${home.archiveDir}.copy`;
    await cp(home.archiveDir, copy, { recursive: true });
    home.nowMs += DAY_MS;
    await home.json('archive');
    await rm(home.archiveDir, { recursive: true });
    await rename(copy, home.archiveDir);
    expect(await refused(home, 'archive')).toContain('it is older than the last run of this host there');
    const restored = (await home.clawback('restore', KEY)).expect(0);
    expect(restored.stderr).toContain('WARNING: open archive file://');
    expect(restored.text).toContain('its row is back in the store');
  });

  test('is taken as it is once the file that the hint names is removed', async () => {
    const home = await archivedHome();
    await rm(home.archiveDir, { recursive: true });
    const path = /rm (\S+)$/.exec(await refused(home, 'archive'))?.[1] ?? '';
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      [`file://${home.archiveDir}/${await instanceOf(home)}`]: {
        main: expect.any(Number),
      },
    });
    await rm(path);
    await addThread(home, 1);
    await home.json('archive');
    await home.json('verify');
  });

  test('has nothing to do with another archive', async () => {
    const home = await archivedHome();
    await home.configure({ archive: `file://${join(home.root, 'another')}` });
    await home.json('archive');
    await home.configure({});
    await home.json('archive');
  });
});

async function instanceOf(home: Home): Promise<string> {
  return (await readFile(join(home.stateDir, 'clawback', 'instance'), 'utf8')).trim();
}
