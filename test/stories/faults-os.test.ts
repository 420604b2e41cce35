import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import {
  endState,
  lostFiles,
  type Originals,
  openHomeArchive,
  readOriginals,
} from '../support/fault-stories.ts';
import { canTrace, type OsFault, runFaulty } from '../support/os-faults.ts';
import type { CliResult } from '../support/run-cli.ts';
import { Home } from './support/home.ts';

const NOW_MS = Date.now();
const INSTANCE = 'oc-os';
const TRACES = canTrace();

interface Scene {
  readonly home: Home;
  readonly originals: Originals;
}

async function scene(): Promise<Scene> {
  const retention = { protectedPruneAfter: '7d' };
  const home = await Home.create({ settings: { instance: INSTANCE, retention, jobs: 1 }, nowMs: NOW_MS });
  await writeSlackStore({ stateDir: home.stateDir, nowMs: NOW_MS, countScale: 0.05, sizeScale: 0.01 });
  return { home, originals: await readOriginals(home) };
}

async function archived(): Promise<Scene & { archiveId: string }> {
  const made = await scene();
  (await made.home.compiled(process.execPath, 'archive')).expect(0);
  const rows = await (await openHomeArchive(made.home)).catalogue();
  return {
    ...made,
    archiveId: rows.find(({ action, files }) => action === 'trim' && files > 2)?.archive_id ?? '',
  };
}

/** Ended as documented; says what, where, and what to do; and nothing is lost. */
async function expectHonest({ home, originals }: Scene, run: CliResult, says: string, exitCode: number) {
  const all = run.text + run.stderr;
  expect(run.exitCode, all).toBe(exitCode);
  expect(all).toContain(placed(home, says));
  expect(all, 'a hint').toMatch(/\(.+\)$|^clawback: .*\n {2}\w/m);
  expect(all, 'no stack').not.toMatch(/^\s+at .*:\d+/m);
  expect(await lostFiles(home, originals)).toEqual([]);
}

/** The system is in order again: the same command does all that it would have done. */
async function expectWhole({ home, originals }: Scene, ...argv: string[]) {
  (await home.compiled(process.execPath, ...argv)).expect(0);
  (await home.compiled(process.execPath, 'verify', '--read-data')).expect(0);
  expect(await lostFiles(home, originals)).toEqual([]);
}

function placed(home: Home, text: string): string {
  return text.replace('SESSIONS', home.sessionsDir()).replace('ARCHIVE', join(home.archiveDir, INSTANCE));
}

function run({ home }: Scene, { path, ...fault }: OsFault, ...argv: string[]): Promise<CliResult> {
  return runFaulty(home, { ...fault, ...(path === undefined ? {} : { path: placed(home, path) }) }, ...argv);
}

type Case = [what: string, fault: OsFault, exitCode: 1 | 3, says: string];

describe.skipIf(!TRACES)('an archive run that the operating system fails (needs strace)', () => {
  let expected: unknown;
  beforeAll(async () => {
    expected = await endState((await archived()).home);
  });

  // Links are made of: the lock, the lease, the pack, the manifest, the catalogue.
  test.each<Case>([
    [
      'the sessions folder cannot be listed',
      { calls: 'getdents64', path: 'SESSIONS', error: 'EIO' },
      1,
      "scandir 'SESSIONS'",
    ],
    [
      'sessions.json cannot be read when it is planned',
      { calls: 'read', path: 'SESSIONS/sessions.json', error: 'EIO', when: '2' },
      1,
      'read SESSIONS/sessions.json: EIO',
    ],
    [
      'nobody can say whether a gateway is up',
      { calls: 'connect', error: 'EMFILE', when: '1+' },
      1,
      'look for the gateway: connect to 127.0.0.1:',
    ],
    ['the lock finds the quota full', { calls: '/^link', error: 'EDQUOT' }, 1, 'lock the store: EDQUOT'],
    ['the pack finds the quota full', { calls: '/^link', error: 'EDQUOT', when: '3' }, 1, 'no space left'],
    [
      'the manifest fails',
      { calls: '/^link', error: 'EIO', when: '4' },
      1,
      `put object ${INSTANCE}/manifests/`,
    ],
    [
      'the catalogue fails',
      { calls: '/^link', error: 'EIO', when: '5' },
      3,
      'FAILED the catalogue of this run',
    ],
    [
      'no file is left to open where packs go',
      { calls: 'openat', path: 'ARCHIVE/packs', error: 'EMFILE' },
      1,
      'too many open files (raise the limit',
    ],
    [
      'sessions.json cannot be replaced',
      { calls: '/^rename', error: 'EROFS', when: '1+' },
      3,
      'sessions.json: EROFS (remount that file system for writing',
    ],
    [
      'freed files are not known to be gone',
      { calls: 'fsync', path: 'SESSIONS', error: 'EIO' },
      1,
      "EIO: i/o error, fsync 'SESSIONS'",
    ],
  ])('%s: says so, loses nothing, and the next run finishes', async (_what, fault, exitCode, says) => {
    const made = await scene();
    await expectHonest(made, await run(made, fault, 'archive'), says, exitCode);
    await expectWhole(made, 'archive');
    expect(await endState(made.home)).toEqual(expected);
  });

  test('one transcript cannot be read: it stays, and all the others are archived', async () => {
    const made = await scene();
    const name = [...made.originals.keys()].find((one) => one.includes('.jsonl.reset.')) ?? '';
    const fault: OsFault = { calls: 'pread64', path: `SESSIONS/${name}`, error: 'EIO', when: '1+' };
    const failed = await run(made, fault, 'archive');
    await expectHonest(made, failed, `FAILED 1 session: archive ${name}: EIO: i/o error, read`, 3);
    await access(join(made.home.sessionsDir(), name));
    await expectWhole(made, 'archive');
    expect(await endState(made.home)).toEqual(expected);
  });
});

describe.skipIf(!TRACES)('of an archive, with an operating system that fails (needs strace)', () => {
  test.each<Case>([
    [
      'a file finds the disk full',
      { calls: 'fsync', error: 'ENOSPC', when: '3' },
      1,
      "fsync 'SESSIONS/.clawback-restore-",
    ],
    [
      'a file cannot be put into its place',
      { calls: '/^link', error: 'EACCES', when: '2' },
      1,
      "link 'SESSIONS/.clawback-restore-",
    ],
    [
      'the row cannot be put back',
      { calls: 'writev', error: 'ENOSPC' },
      1,
      'write SESSIONS/sessions.json: ENOSPC',
    ],
  ])(
    'restore, %s: says so, and the same command again brings all back',
    async (_what, fault, exitCode, says) => {
      const made = await archived();
      await expectHonest(made, await run(made, fault, 'restore', made.archiveId), says, exitCode);
      await expectWhole(made, 'restore', made.archiveId);
      const { files } = (await endState(made.home)) as { files: string[] };
      expect(files.filter((name) => name.startsWith('.clawback'))).toEqual([]);
    },
  );

  test.each<[verb: string, ...Case]>([
    [
      'gc',
      'the list of manifests',
      { calls: 'getdents64', path: 'ARCHIVE/manifests', error: 'EIO' },
      1,
      'EIO',
    ],
    ['drill', 'the scratch folder', { calls: 'fsync', error: 'EDQUOT' }, 1, 'EDQUOT'],
    ['nightly --once', 'its lease', { calls: '/^link', error: 'ENOSPC', when: '2' }, 1, 'no space left'],
    ['reclaim --max-disk 1KB', 'its look at the disk', { calls: 'statfs', error: 'EIO' }, 1, 'EIO'],
  ])('%s fails at %s: says so and loses nothing', async (verb, _what, fault, exitCode, says) => {
    const made = await archived();
    await expectHonest(made, await run(made, fault, ...verb.split(' ')), says, exitCode);
    await expectWhole(made, 'archive');
  });

  test('verify --read-data fails at a pack: names it, and does not call it whole', async () => {
    const { home } = await archived();
    const folder = join(home.archiveDir, INSTANCE, 'packs');
    const [pack = ''] = await readdir(folder);
    const fault: OsFault = { calls: '/^p?read(64)?$', path: join(folder, pack), error: 'EIO' };
    const failed = (await runFaulty(home, fault, 'verify', '--read-data')).expect(1);
    expect(failed.text).toContain(
      `get object ${INSTANCE}/packs/${pack}: EIO (check the disk that holds ${home.archiveDir})`,
    );
    (await home.compiled(process.execPath, 'verify', '--read-data')).expect(0);
  });
});
