import { execFile } from 'node:child_process';
import { chmod, mkdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import type { ArchiveJson, ErrorJson, ListJson } from './support/answers.ts';
import { Home, temporaryFolder } from './support/home.ts';
import { writeThreadStore } from './support/rooms.ts';
import { fingerprint } from './support/tree.ts';
import { oldThread, oldThreadHome, TRIM } from './support/trimmed.ts';

const isRoot = process.getuid?.() === 0;

describe('an archive that cannot be written', () => {
  test('a file where the folder should be: exit code 1, nothing lost', async () => {
    const home = await oldThreadHome();
    await writeFile(home.archiveDir, 'in the way');
    await expectNothingLost(home);
  });

  test.skipIf(isRoot)('a folder that we may not write: exit code 1, nothing lost', async () => {
    const home = await oldThreadHome();
    await mkdir(home.archiveDir, { mode: 0o500 });
    await expectNothingLost(home);
    await chmod(home.archiveDir, 0o700);
  });

  async function expectNothingLost(home: Home): Promise<void> {
    const before = await fingerprint(join(home.stateDir, 'agents'));
    const result = (await home.clawback('archive', '--json')).expect(1);
    // Found before the run begins, or by the first session that is to be stored.
    const json = result.json<ErrorJson & Partial<ArchiveJson>>();
    const { code, message, hint = '' } = json.failures?.[0]?.error ?? json;
    expect(code).toMatch(/^archive-/);
    expect(`${message}\n${hint}`).toContain(home.archiveDir);
    expect(hint).not.toBe('');
    expect(await fingerprint(join(home.stateDir, 'agents'))).toEqual(before);
  }
});

const canMount = await mountsTmpfs();

/** A file system with so little room; needs the right to mount one. */
async function mountTmpfs(folder: string, sizeBytes: number): Promise<void> {
  await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', folder]);
}

async function unmount(folder: string): Promise<void> {
  await promisify(execFile)('umount', [folder]);
}

async function mountsTmpfs(): Promise<boolean> {
  if (!isRoot || process.platform !== 'linux') return false;
  const folder = await temporaryFolder();
  try {
    await mountTmpfs(folder, 4096);
  } catch {
    // In most containers even root may not.
    return false;
  }
  await unmount(folder);
  return true;
}

describe.skipIf(!canMount)('a full disk', () => {
  test('of the archive: nothing is lost, and the next run with room does it all', async () => {
    const home = await slackHome();
    await mkdir(home.archiveDir);
    await mountTmpfs(home.archiveDir, 64 * 1024);
    const sessions = join(home.stateDir, 'agents');
    try {
      const before = await fingerprint(sessions);
      const result = await home.clawback('archive', '--json');
      expect(result.exitCode).toBe(1);
      const { done, failures } = result.json<ArchiveJson>();
      expect(failures.length).toBeGreaterThan(0);
      for (const { error } of failures) {
        expect(error).toMatchObject({
          code: 'archive-io',
          message: expect.stringContaining('no space left'),
        });
        expect(error.hint).toContain(home.archiveDir);
      }
      expect(done).toMatchObject({ protectedRowsTrimmed: 0, filesReclaimed: 0, freedBytes: 0 });
      expect(await fingerprint(sessions)).toEqual(before);
      await promisify(execFile)('mount', ['-o', `remount,size=${64 * 1024 * 1024}`, home.archiveDir]);
      const { done: later } = await home.json<ArchiveJson>('archive');
      expect(later.protectedRowsTrimmed).toBeGreaterThan(0);
      expect(later.filesReclaimed).toBe(later.filesArchived);
      await home.json('verify', '--read-data');
    } finally {
      await unmount(home.archiveDir);
    }
  });

  test('of the sessions folder: what could not be committed is finished by the next run', async () => {
    const home = await slackHome({ orphans: false });
    const folder = home.sessionsDir();
    const aside = join(home.root, 'aside');
    await rename(folder, aside);
    await mkdir(folder);
    const { stdout } = await promisify(execFile)('du', ['-sB1', '--apparent-size', aside]);
    // Room for the files in blocks of 4 KiB, and not for a second sessions.json.
    await mountTmpfs(folder, Number.parseInt(stdout, 10) + 3 * 1024 * 1024);
    try {
      await promisify(execFile)('cp', ['-a', `${aside}/.`, folder]);
      await fill(join(folder, 'ballast'));
      // Enough for the lock and the stubs, which come first.
      await truncate(join(folder, 'ballast'), (await stat(join(folder, 'ballast'))).size - 128 * 1024);
      const before = await home.storeText();
      const result = await home.clawback('archive', '--json');
      expect(result.exitCode).toBe(1);
      const { failures: refused } = result.json<ArchiveJson>();
      expect(refused.length).toBeGreaterThan(0);
      for (const { error } of refused) {
        expect(error).toMatchObject({ code: 'store-io', hint: expect.stringContaining('the disk is full') });
      }
      expect(await home.storeText()).toBe(before);
      await rm(join(folder, 'ballast'));
      const { done, failures } = await home.json<ArchiveJson>('archive');
      expect(failures).toEqual([]);
      expect(done.protectedRowsTrimmed).toBeGreaterThan(0);
      const { sessions } = await home.json<ListJson>('list');
      const trimmed = Object.values(await home.rows()).filter((row) => row.clawback !== undefined);
      expect(new Set(sessions.map(({ sessionKey }) => sessionKey)).size).toBe(trimmed.length);
      await home.json('verify', '--read-data');
    } finally {
      await unmount(folder);
    }
  });

  test('without one free block not even the lock can be taken: exit code 1, a hint, nothing left behind', async () => {
    const home = await Home.create({ settings: TRIM });
    const folder = home.sessionsDir();
    await mkdir(folder, { recursive: true });
    await mountTmpfs(folder, 1024 * 1024);
    try {
      await writeThreadStore(home.storePath(), { main: [oldThread(home)] });
      await fill(join(folder, 'ballast'));
      const before = await fingerprint(folder);
      const result = (await home.clawback('archive', '--json')).expect(1);
      expect(result.json<ErrorJson>()).toMatchObject({
        code: 'store-io',
        hint: expect.stringContaining('the disk is full'),
      });
      expect(await fingerprint(folder)).toEqual(before);
    } finally {
      await unmount(folder);
    }
  });

  async function slackHome(shape: { readonly orphans?: boolean } = {}): Promise<Home> {
    const home = await Home.create({ settings: TRIM });
    const { stateDir, nowMs } = home;
    await writeSlackStore({ stateDir, nowMs, sizeScale: 0.02, countScale: 0.1, ...shape });
    return home;
  }

  /** Takes every byte that is left. */
  async function fill(path: string): Promise<void> {
    const failure = await promisify(execFile)('dd', ['if=/dev/zero', `of=${path}`, 'bs=4096']).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(String(failure)).toContain('No space left');
  }
});
