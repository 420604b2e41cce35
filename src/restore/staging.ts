import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import glob from 'fast-glob';
import { putBackStaged } from '../settle/staged-files.ts';
import { LOCK_NAME } from '../state/store-lock.ts';
import { sweepTranscriptLocks } from '../state/transcript-locks.ts';

const PREFIX = '.clawback-restore-';

/** A folder on the file system of the store, so that moving a file into place is one step. OpenClaw does not look into folders. */
export async function makeStaging(sessionsDir: string): Promise<string> {
  const staging = join(sessionsDir, `${PREFIX}${randomUUID()}`);
  await mkdir(staging, { mode: 0o700 });
  return staging;
}

/**
 * Removes what processes that died have left: folders of restores, locks that were being made, locks on transcripts;
 * archived files that were waiting for their end go back to their places. Only the holder of the store's lock may
 * call it: nobody else is restoring or archiving then, and whoever is making a lock will not get it.
 */
export async function sweepLeftovers(sessionsDir: string): Promise<void> {
  await sweepTranscriptLocks(sessionsDir);
  await putBackStaged(sessionsDir, Date.now());
  const left = await glob([`${PREFIX}*`, `${LOCK_NAME}.*`], {
    cwd: sessionsDir,
    dot: true,
    onlyFiles: false,
    followSymbolicLinks: false,
    absolute: true,
  });
  for (const path of left) await rm(path, { recursive: true, force: true });
}
