import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import { endState, lostFiles, readOriginals } from '../support/fault-stories.ts';
import { type CliResult, COMPILED_MAIN, runProgram } from '../support/run-cli.ts';
import { Home, temporaryFolder } from './support/home.ts';

const NOW_MS = Date.now();
const MiB = 1024 * 1024;

async function canMount(): Promise<boolean> {
  const folder = await temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    // Not root, or a sandbox without mounts: the tests below are skipped in plain sight.
    return false;
  }
}

const MOUNTS = await canMount();

async function mount(folder: string, megabytes: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', folder]);
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
}

function remount(folder: string, options: string): void {
  execFileSync('mount', ['-o', `remount,${options}`, folder]);
}

/** Fills the file system until `leftBytes` are free. */
async function fill(folder: string, leftBytes: number): Promise<string> {
  const { bavail, bsize } = await statfs(folder);
  const path = join(folder, 'ballast');
  await writeFile(path, Buffer.alloc(Math.max(0, bavail * bsize - leftBytes)));
  return path;
}

async function homeOn(part: 'state' | 'archive' | 'neither', megabytes: number): Promise<Home> {
  const settings = { retention: { protectedPruneAfter: '7d' }, jobs: 2 };
  const home = await Home.create({ settings, nowMs: NOW_MS });
  if (part === 'state') {
    await mount(join(home.stateDir, 'agents'), megabytes);
  } else if (part === 'archive') {
    await mount(home.archiveDir, megabytes);
  }
  await writeSlackStore({ stateDir: home.stateDir, nowMs: NOW_MS, countScale: 0.05, sizeScale: 0.01 });
  return home;
}

async function undisturbed(): Promise<unknown> {
  const home = await homeOn('neither', 0);
  (await home.compiled(process.execPath, 'archive')).expect(0);
  return endState(home);
}

/** The disk is in order again: the next run brings it to the same end. */
async function converge(home: Home, originals: ReadonlyMap<string, string>): Promise<void> {
  (await home.compiled(process.execPath, 'archive')).expect(0);
  expect(await endState(home)).toEqual(await undisturbed());
  expect(await lostFiles(home, originals)).toEqual([]);
}

describe.skipIf(!MOUNTS)('a full disk (needs root and mount)', () => {
  test.each([0, 0.03])(
    'under the archive, with %f MiB left: says so even with --quiet, loses nothing, and the next run finishes',
    async (left) => {
      const home = await homeOn('archive', 8);
      const originals = await readOriginals(home);
      const ballast = await fill(home.archiveDir, left * MiB);
      const run = await home.compiled(process.execPath, 'archive', '--quiet');
      expect([1, 3], run.text + run.stderr).toContain(run.exitCode);
      expect(run.text).toBe('');
      expect(run.stderr).toMatch(/full|ENOSPC|no space/i);
      expect(await lostFiles(home, originals)).toEqual([]);
      await rm(ballast);
      await converge(home, originals);
    },
  );

  test.each([0, 0.004, 0.012, 0.05])(
    'under the sessions, with %f MiB left: loses nothing, and the next run finishes',
    async (left) => {
      const home = await homeOn('state', 32);
      const originals = await readOriginals(home);
      const ballast = await fill(join(home.stateDir, 'agents'), left * MiB);
      const run = await home.compiled(process.execPath, 'archive');
      if (run.exitCode !== 0) {
        expect([1, 3], run.text + run.stderr).toContain(run.exitCode);
        expect(run.stderr + run.text, 'no stack').not.toMatch(/^\s+at .*\.js:\d+/m);
        expect(run.text + run.stderr).toMatch(/full|ENOSPC|no space/i);
      }
      expect(await lostFiles(home, originals)).toEqual([]);
      await rm(ballast);
      await converge(home, originals);
      expect((await readdir(home.sessionsDir())).filter((name) => name.startsWith('.clawback'))).toEqual([]);
    },
  );
});

describe.skipIf(!MOUNTS)('a file system that is read-only (needs root and mount)', () => {
  test.each(['state', 'archive'] as const)(
    'under the %s: exit code 1, nothing lost, the next run finishes',
    async (part) => {
      const home = await homeOn(part, 32);
      const originals = await readOriginals(home);
      const folder = part === 'state' ? join(home.stateDir, 'agents') : home.archiveDir;
      remount(folder, 'ro');
      const run = await home.compiled(process.execPath, 'archive');
      expect(run.exitCode, run.text + run.stderr).toBe(1);
      expect(run.stderr + run.text, 'no stack').not.toMatch(/^\s+at .*\.js:\d+/m);
      expect(await lostFiles(home, originals)).toEqual([]);
      remount(folder, 'rw');
      await converge(home, originals);
    },
  );
});

/** Runs a program as a root to whom closed files are closed, as to anybody else. */
const AS_ANYBODY = ['--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-all'];

function isClosable(): boolean {
  if (process.getuid?.() !== 0) return true;
  try {
    execFileSync('setpriv', [...AS_ANYBODY, 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function archiveAsAnybody(home: Home): Promise<CliResult> {
  if (process.getuid?.() !== 0) return home.compiled(process.execPath, 'archive');
  return runProgram('setpriv', [...AS_ANYBODY, process.execPath, COMPILED_MAIN, 'archive'], {
    ...home.env,
    PATH: process.env.PATH,
  });
}

describe.skipIf(!isClosable())(
  'permissions that are missing (needs setpriv, or a user who is not root)',
  () => {
    test('to write the archive folder: exit code 1, nothing lost, the next run finishes', async () => {
      const home = await homeOn('neither', 0);
      const originals = await readOriginals(home);
      await mkdir(home.archiveDir);
      await chmod(home.archiveDir, 0o500);
      const run = await archiveAsAnybody(home);
      expect(run.exitCode, run.text + run.stderr).toBe(1);
      expect(run.stderr).toContain('permission denied (EACCES)');
      expect(await lostFiles(home, originals)).toEqual([]);
      await chmod(home.archiveDir, 0o700);
      await converge(home, originals);
    });

    test('to read one file: its session stays and is named, the others go', async () => {
      const home = await homeOn('neither', 0);
      const originals = await readOriginals(home);
      const name = [...originals.keys()].find((one) => one.includes('.jsonl.reset.')) ?? '';
      const path = join(home.sessionsDir(), name);
      const { mode } = await stat(path);
      await chmod(path, 0);
      const run = await archiveAsAnybody(home);
      expect(run.exitCode, run.text + run.stderr).toBe(3);
      expect(run.text).toContain(`FAILED 1 session: archive ${name}: EACCES`);
      await chmod(path, mode & 0o7777);
      expect(await lostFiles(home, originals)).toEqual([]);
      await converge(home, originals);
    });
  },
);
