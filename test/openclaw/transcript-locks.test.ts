import { execFile } from 'node:child_process';
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TranscriptLocks } from '../../src/state/transcript-locks.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { installOpenClaw, OPENCLAW_RELEASES, type OpenClawRelease } from './support/release.ts';

const ACQUIRE = fileURLToPath(new URL('support/acquire-lock.mjs', import.meta.url));

describe.each(OPENCLAW_RELEASES)('OpenClaw %s', (version) => {
  let release: OpenClawRelease;
  let folder: string;

  beforeAll(async () => {
    release = await installOpenClaw(version);
  });
  beforeEach(async () => {
    folder = await temporaryFolder();
  });

  /** What a turn of OpenClaw gets that waits this long for the lock on a transcript. */
  async function turn(transcript: string, timeoutMs: number): Promise<string> {
    const args = [ACQUIRE, release.packageDir, join(folder, transcript), String(timeoutMs)];
    const env = { PATH: process.env.PATH, HOME: folder, OPENCLAW_STATE_DIR: join(folder, 'state') };
    return (await promisify(execFile)(process.execPath, args, { env })).stdout;
  }

  test('waits for a transcript that we have locked, for as long as we hold it', async () => {
    const locks = await TranscriptLocks.take(folder, ['held.jsonl']);
    // Longer than the 5 s after which it takes a lock that nobody touches.
    expect(await turn('held.jsonl', 8_000)).toBe('SessionWriteLockTimeoutError');
    expect(await locks.held()).toEqual(new Set(['held.jsonl']));
    await locks.release();
    expect(await turn('held.jsonl', 1_000)).toBe('acquired');
  });

  test('takes the lock of a clawback that died', async () => {
    await writeFile(join(folder, 'dead.jsonl.lock'), '{"clawback":"0b4f5d2e"}\n');
    expect(await turn('dead.jsonl', 20_000)).toBe('acquired');
    await expect(access(join(folder, 'dead.jsonl.lock'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
