import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readProcessStart } from '../../src/openclaw/process-alive.ts';
import { MESSAGE_COMMAND, StoreLock } from '../../src/state/store-lock.ts';
import { NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const NAME = '.clawback.lock';

function holder(changes: Record<string, unknown>): string {
  return JSON.stringify({
    id: 'x',
    pid: process.pid,
    host: hostname(),
    command: 'clawback archive',
    since: '2026-11-20T04:00:00.000Z',
    ...changes,
  });
}

/** The pid of a process that has just ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  return child.pid as number;
}

async function lockedBy(text: string): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, NAME), text);
  return folder;
}

const acquire = (folder: string) => StoreLock.acquire(folder, 'clawback archive', NOW_MS);

describe('the lock of a store', () => {
  it('goes to one, and to the next when it is released', async () => {
    const folder = await temporaryFolder();
    const first = await acquire(folder);
    await expect(acquire(folder)).rejects.toMatchObject({
      code: 'locked',
      retryable: true,
      message: expect.stringContaining(
        `process ${process.pid} on ${hostname()} since ${new Date(NOW_MS).toISOString()}`,
      ),
    });
    await first.release();
    const second = await acquire(folder);
    await second.assertHeld();
    await second.release();
    expect(await readdir(folder)).toEqual([]);
  });

  const start = readProcessStart(process.pid);

  it.each<[string, () => string | Promise<string>]>([
    ['a process that runs', () => holder({ processStart: start })],
    ['a process that runs, without a start time', () => holder({})],
    ['a process on another host', () => holder({ host: 'elsewhere', pid: 1 })],
    ['nobody that can be read', () => 'junk'],
    ['an empty file', () => ''],
    ['half a holder', () => '{"pid":1}'],
    ['null', () => 'null'],
  ])('stays with %s', async (_who, text) => {
    const folder = await lockedBy(await text());
    await expect(acquire(folder)).rejects.toMatchObject({
      code: 'locked',
      hint: expect.stringContaining(NAME),
    });
    expect(await readFile(join(folder, NAME), 'utf8')).toBe(await text());
    expect(await readdir(folder)).toEqual([NAME]);
  });

  it.each<[string, () => string | Promise<string>]>([
    ['that has ended', async () => holder({ pid: await deadPid() })],
    ['whose pid another one has now', () => holder({ processStart: (start ?? 0) + 1 })],
  ])('is taken from a process %s', async (_who, text) => {
    const folder = await lockedBy(await text());
    const lock = await acquire(folder);
    await lock.assertHeld();
    expect(await readdir(folder)).toEqual([NAME]);
    await lock.release();
  });

  it('that somebody else has taken over does not let us commit, and is not ours to release', async () => {
    const folder = await temporaryFolder();
    const lock = await acquire(folder);
    await writeFile(join(folder, NAME), holder({ id: 'other' }));
    await expect(lock.assertHeld()).rejects.toMatchObject({ code: 'locked' });
    await lock.release();
    expect(await readdir(folder)).toEqual([NAME]);
  });

  it('that was removed does not let us commit', async () => {
    const folder = await temporaryFolder();
    const lock = await acquire(folder);
    await rm(join(folder, NAME));
    await expect(lock.assertHeld()).rejects.toMatchObject({ code: 'locked' });
  });

  it('left behind by a dead process goes to exactly one of many that want it', async () => {
    const pid = await deadPid();
    for (let round = 0; round < 30; round += 1) {
      const folder = await lockedBy(holder({ pid }));
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => acquire(folder)));
      const locks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      const held = await Promise.allSettled(locks.map((lock) => lock.assertHeld()));
      expect(held.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'locked' });
      expect(await readdir(folder)).toEqual([NAME]);
    }
  });

  it('that a gateway holds for a message is waited for; one of another run is not', async () => {
    const folder = await temporaryFolder();
    const message = await StoreLock.acquire(folder, MESSAGE_COMMAND, Date.now());
    const waiting = StoreLock.acquirePatiently(folder, 'clawback archive', Date.now());
    await message.assertHeld();
    await message.release();
    const archive = await waiting;
    await archive.assertHeld();
    await expect(StoreLock.acquirePatiently(folder, 'clawback restore', Date.now())).rejects.toMatchObject({
      code: 'locked',
    });
    await archive.release();
  });

  it('that is released at any moment of an attempt to get it is never called held', async () => {
    const folder = await temporaryFolder();
    const isTrying = () => readdirSync(folder).some((name) => name.startsWith(`${NAME}.`));
    for (let round = 0; round < 200; round += 1) {
      await StoreLock.acquire(folder, MESSAGE_COMMAND, Date.now());
      const waiting = StoreLock.acquirePatiently(folder, 'clawback archive', Date.now());
      while (!isTrying()) await setImmediate();
      while (isTrying()) await setImmediate();
      for (let turns = round % 20; turns > 0; turns -= 1) await setImmediate();
      rmSync(join(folder, NAME));
      await (await waiting).release();
    }
  });

  it('that the system will not let go is no failure of its run, and does not keep this process out later', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, NAME);
    const lock = await StoreLock.acquire(folder, 'clawback archive', Date.now());
    const content = await readFile(path, 'utf8');
    // A folder under the name can be neither read nor removed as a file.
    await rm(path);
    await mkdir(path);
    await lock.release();
    await rm(path, { recursive: true });
    await writeFile(path, content);
    await (await StoreLock.acquire(folder, 'clawback archive', Date.now())).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('that cannot be read is an error of the store, which says where', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, NAME));
    await expect(StoreLock.acquire(folder, 'clawback archive', Date.now())).rejects.toMatchObject({
      code: 'store-io',
      message: 'lock the store: EISDIR',
      hint: expect.stringContaining(folder),
    });
  });
});
