import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import glob from 'fast-glob';

const PREFIX = '.clawback-restore-';

/** A folder on the file system of the store, so that moving a file into place is one step. OpenClaw does not look into folders. */
export async function makeStaging(sessionsDir: string): Promise<string> {
  const staging = join(sessionsDir, `${PREFIX}${randomUUID()}`);
  await mkdir(staging, { mode: 0o700 });
  return staging;
}

/** Removes what restores that died have left. Only the holder of the store's lock may call it: nobody else is restoring then. */
export async function removeStaging(sessionsDir: string): Promise<void> {
  const left = await glob(`${PREFIX}*`, {
    cwd: sessionsDir,
    dot: true,
    onlyDirectories: true,
    followSymbolicLinks: false,
    absolute: true,
  });
  for (const folder of left) await rm(folder, { recursive: true, force: true });
}
