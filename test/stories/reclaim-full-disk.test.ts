import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import { tombstoneMark } from '../../src/sessions/row.ts';
import { lostFiles, readOriginals } from '../support/fault-stories.ts';
import type { ReclaimJson } from './support/answers.ts';
import { Home, temporaryFolder } from './support/home.ts';

const MiB = 1024 * 1024;
const NOW_MS = Date.now();

/** A real ext4 of this size in a file, which runs full as a disk does. */
async function mountExt4(folder: string, bytes: number): Promise<() => void> {
  const image = join(await temporaryFolder(), 'disk.img');
  await writeFile(image, '');
  await truncate(image, bytes);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', '-O', '^has_journal', image], { stdio: 'ignore' });
  await mkdir(folder, { recursive: true });
  execFileSync('mount', ['-o', 'loop', image, folder], { stdio: 'ignore' });
  return () => void execFileSync('umount', ['-l', folder]);
}

async function canMount(): Promise<boolean> {
  try {
    (await mountExt4(join(await temporaryFolder(), 'disk'), 8 * MiB))();
    return true;
  } catch {
    // Not root, no loop devices, or no mkfs: the tests below are skipped in plain sight.
    return false;
  }
}

const MOUNTS = await canMount();

async function freeOn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Takes what is free, but for so many bytes. */
async function fill(folder: string, leftBytes: number): Promise<void> {
  const block = Buffer.alloc(MiB);
  const path = join(folder, 'ballast');
  await writeFile(path, Buffer.alloc(Math.max(0, (await freeOn(folder)) - leftBytes - block.length)));
  for (let left = (await freeOn(folder)) - leftBytes; left >= 4096; left = (await freeOn(folder)) - leftBytes)
    await writeFile(path, block.subarray(0, Math.min(left, block.length)), { flag: 'a' });
}

interface FullDisk {
  readonly home: Home;
  readonly disk: string;
}

/** An OpenClaw on a disk of its own, on which 5 MB are left. */
async function fullDisk(archive: 'here' | 'elsewhere', leftBytes = 5 * MiB): Promise<FullDisk> {
  const home = await Home.create({ nowMs: NOW_MS });
  const disk = join(home.stateDir, 'disk');
  onTestFinished(await mountExt4(disk, 96 * MiB));
  const stateDir = join(disk, 'openclaw');
  await mkdir(stateDir);
  home.env.OPENCLAW_STATE_DIR = stateDir;
  const onDisk = Object.assign(Object.create(Object.getPrototypeOf(home) as object) as Home, home, {
    stateDir,
    archiveDir: join(archive === 'here' ? disk : home.root, 'archive'),
  });
  await onDisk.configureOpenClaw({});
  await onDisk.configure({ diskBudget: { maxDiskBytes: '20MB', protectedFloor: '3d' }, jobs: 2 });
  await writeSlackStore({ stateDir, nowMs: NOW_MS, countScale: 0.3, sizeScale: 0.15 });
  await fill(disk, leftBytes);
  return { home: onDisk, disk };
}

describe.skipIf(!MOUNTS)('a disk that is full (needs root, loop devices and mkfs.ext4)', () => {
  test.each(['here', 'elsewhere'] as const)(
    'with 5 MB left and the archive %s: freed below its budget, nothing lost',
    async (archive) => {
      const { home, disk } = await fullDisk(archive);
      expect(await freeOn(disk)).toBeLessThan(6 * MiB);
      const originals = await readOriginals(home);
      const result = await home.compiled(process.execPath, 'reclaim', '--json');
      const run = result.expect(0).json<ReclaimJson>();
      expect(run.before.diskBytes).toBeGreaterThan(40 * MiB);
      expect(run.after.diskBytes).toBeLessThanOrEqual(16 * MiB);
      expect(run.failures).toEqual([]);
      expect(await freeOn(disk)).toBeGreaterThan(20 * MiB);
      expect(await lostFiles(home, originals)).toEqual([]);
      (await home.compiled(process.execPath, 'verify', '--read-data')).expect(0);
    },
  );

  test('with 5 MB left even sessions.json can be rewritten: what went before has made the room', async () => {
    const { home } = await fullDisk('elsewhere');
    await home.configure({ diskBudget: { maxDiskBytes: '1MB', protectedFloor: '3d' }, jobs: 2 });
    const originals = await readOriginals(home);
    const result = await home.compiled(process.execPath, 'reclaim', '--json');
    const run = result.expect(3).json<ReclaimJson>();
    expect(run.steps.map(({ step }) => step)).toContain('protected');
    expect(run.done.protectedRowsTrimmed).toBeGreaterThan(20);
    expect(Object.values(await home.rows()).some((row) => tombstoneMark(row) !== undefined)).toBe(true);
    expect(await lostFiles(home, originals)).toEqual([]);
  });

  test('to the last block: exit code 1, nothing lost, a hint; with a little room again it goes on', async () => {
    const { home, disk } = await fullDisk('here', 0);
    const originals = await readOriginals(home);
    const refused = await home.compiled(process.execPath, 'reclaim');
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('the disk is full to the last block; free a few KB there and run again');
    expect(refused.stderr).not.toMatch(/^\s+at .*\.js:\d+/m);
    expect((await readdir(home.sessionsDir())).filter((name) => name.startsWith('.clawback'))).toEqual([]);
    await rm(join(disk, 'ballast'));
    await fill(disk, 2 * MiB);
    (await home.compiled(process.execPath, 'reclaim')).expect(0);
    expect(await lostFiles(home, originals)).toEqual([]);
  });
});
