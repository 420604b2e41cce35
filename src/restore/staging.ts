import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import glob from 'fast-glob';
import { LOCK_NAME } from '../state/store-lock.ts';

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
 * Removes what processes that died have left: staging folders, and locks that were being made. Only the holder of
 * the store's lock may call it: nobody else is restoring then, and whoever is making a lock will not get it.
 */
export async function sweepLeftovers(sessionsDir: string, mediaDir?: string): Promise<void> {
  const left = await namesLike(sessionsDir, [`${PREFIX}*`, `${LOCK_NAME}.*`]);
  if (mediaDir !== undefined) left.push(...(await namesLike(mediaDir, [`${prefixOf(sessionsDir)}*`])));
  for (const path of left) await rm(path, { recursive: true, force: true });
}

/** None where the folder does not exist. */
function namesLike(cwd: string, patterns: string[]): Promise<string[]> {
  return glob(patterns, { cwd, dot: true, onlyFiles: false, followSymbolicLinks: false, absolute: true });
}
