import { type FileHandle, lstat, open, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { sweepTranscriptLocks, TranscriptLocks } from '../../src/state/transcript-locks.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const OTHERS = `${JSON.stringify({ pid: 4711, createdAt: '2026-11-21T09:00:00.000Z' })}\n`;

describe('locks on transcripts', () => {
  it('are there for OpenClaw to see, without a process id, and gone when they are released', async () => {
    const folder = await temporaryFolder();
    const locks = await TranscriptLocks.take(folder, ['a.jsonl', 'b.jsonl', 'a.jsonl']);
    expect((await readdir(folder)).sort()).toEqual(['a.jsonl.lock', 'b.jsonl.lock']);
    const content = JSON.parse(await readFile(join(folder, 'a.jsonl.lock'), 'utf8')) as object;
    // With a creation time OpenClaw would judge by that, not by the time of the last touch.
    expect(Object.keys(content)).toEqual(['clawback']);
    expect(await locks.held()).toEqual(new Set(['a.jsonl', 'b.jsonl']));
    await locks.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('are touched, so that OpenClaw does not take them for a dead process’s', async () => {
    const folder = await temporaryFolder();
    const locks = await TranscriptLocks.take(folder, ['a.jsonl']);
    const path = join(folder, 'a.jsonl.lock');
    await utimes(path, 1, 1);
    while ((await lstat(path)).mtimeMs < 10_000) await delay(20);
    expect(Date.now() - (await lstat(path)).mtimeMs).toBeLessThan(5_000);
    await locks.release();
  });

  it('that could not be touched count as lost, though they are there: OpenClaw may be about to take them', async () => {
    const folder = await temporaryFolder();
    const locks = await TranscriptLocks.take(folder, ['a.jsonl']);
    expect(await locks.held()).toEqual(new Set(['a.jsonl']));
    const handle = await open(join(folder, 'a.jsonl.lock'));
    const fault = Object.assign(new Error('EIO: i/o error, futime'), { code: 'EIO', syscall: 'futime' });
    const touch = vi
      .spyOn(Object.getPrototypeOf(handle) as FileHandle, 'utimes')
      .mockRejectedValueOnce(fault);
    onTestFinished(() => touch.mockRestore());
    await handle.close();
    await vi.waitFor(async () => expect(await locks.held()).toEqual(new Set()), 10_000);
    // Nor does a later touch that succeeds win them back.
    await vi.waitFor(() => expect(touch.mock.calls.length).toBeGreaterThan(1), 10_000);
    expect(await locks.held()).toEqual(new Set());
    await locks.release();
    expect(await readdir(folder)).toEqual(['a.jsonl.lock']);
  });

  it('leave the locks of others alone, and those that others have made of ours', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a.jsonl.lock'), OTHERS);
    const locks = await TranscriptLocks.take(folder, ['a.jsonl', 'b.jsonl', 'c.jsonl']);
    expect(await locks.held()).toEqual(new Set(['b.jsonl', 'c.jsonl']));
    await rm(join(folder, 'b.jsonl.lock'));
    await writeFile(join(folder, 'b.jsonl.lock'), OTHERS);
    expect(await locks.held()).toEqual(new Set(['c.jsonl']));
    await locks.release();
    expect((await readdir(folder)).sort()).toEqual(['a.jsonl.lock', 'b.jsonl.lock']);
  });

  it('of a clawback that died are swept; those of OpenClaw and empty ones are not ours', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'dead.jsonl.lock'), '{"clawback":"0b4f5d2e"}\n');
    await writeFile(join(folder, 'other.jsonl.lock'), OTHERS);
    await writeFile(join(folder, 'empty.jsonl.lock'), '');
    await sweepTranscriptLocks(folder);
    expect((await readdir(folder)).sort()).toEqual(['empty.jsonl.lock', 'other.jsonl.lock']);
  });
});
