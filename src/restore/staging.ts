import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import glob from 'fast-glob';
import { putBackStaged } from '../settle/staged-files.ts';
import { LOCK_NAME } from '../state/store-lock.ts';
import { sweepTranscriptLocks } from '../state/transcript-locks.ts';

const PREFIX = '.clawback-restore-';

/**
 * A folder on the file system of the files' own, so that moving one into place is one step. OpenClaw does not look into
 * folders. With `owner`, in a folder that several stores share: the sessions folder of the store that it is for.
 */
export async function makeStaging(folder: string, owner?: string): Promise<string> {
  const staging = join(folder, `${prefixOf(owner)}${randomUUID()}`);
  await mkdir(staging, { mode: 0o700 });
  return staging;
}

/** Whoever holds the lock of one store sweeps what was that store's, and nothing that another may be filling. */
function prefixOf(owner: string | undefined): string {
  if (owner === undefined) return PREFIX;
  return `${PREFIX}${createHash('sha256').update(owner).digest('hex').slice(0, 12)}-`;
}

/**
 * Removes what processes that died have left: folders of restores, locks that were being made, locks on transcripts;
 * archived files that were waiting for their end go back to their places. Only the holder of the store's lock may
 * call it: nobody else is restoring or archiving then, and whoever is making a lock will not get it.
 */
export async function sweepLeftovers(sessionsDir: string, mediaDir?: string): Promise<void> {
  await sweepTranscriptLocks(sessionsDir);
  await putBackStaged(sessionsDir, Date.now());
  const left = await namesLike(sessionsDir, [`${PREFIX}*`, `${LOCK_NAME}.*`]);
  if (mediaDir !== undefined) left.push(...(await namesLike(mediaDir, [`${prefixOf(sessionsDir)}*`])));
  for (const path of left) await rm(path, { recursive: true, force: true });
}

/** None where the folder does not exist. */
function namesLike(cwd: string, patterns: string[]): Promise<string[]> {
  return glob(patterns, { cwd, dot: true, onlyFiles: false, followSymbolicLinks: false, absolute: true });
}
