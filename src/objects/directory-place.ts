import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { link, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClawbackError, errnoOf } from '../errors.ts';
import { lstatIfAny } from './directory-files.ts';

// A hidden name beside the final one: no key reaches it, since segments never start with a dot, and
// it is on the same file system. The name keeps enough of the key to tell whose leftover it is.
const TEMPORARY = /^\.(.+)\.(?:[0-9a-f]{16}|claim)\.tmp$/;
const KEPT_NAME_CHARACTERS = 200;

export function temporaryPath(finalPath: string, suffix = randomBytes(8).toString('hex')): string {
  return join(dirname(finalPath), `.${basename(finalPath).slice(0, KEPT_NAME_CHARACTERS)}.${suffix}.tmp`);
}

/** What is left of the last segment of a key in the name of its temporary file, or undefined. */
export function temporaryFor(name: string): string | undefined {
  return TEMPORARY.exec(name)?.[1];
}

/** File systems without hard links (FAT, some network mounts) answer one of these. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Gives the finished file its final name and returns undefined, or returns what already has that name. */
export async function placeFile(
  doing: string,
  path: string,
  finalPath: string,
  hardLinks: boolean,
): Promise<Stats | undefined> {
  if (hardLinks) {
    try {
      await link(path, finalPath);
      return undefined;
    } catch (error) {
      const errno = errnoOf(error) ?? '';
      if (errno === 'EEXIST') return lstatIfAny(finalPath);
      if (!NO_HARD_LINKS.has(errno)) throw error;
    }
  }
  // Rename replaces what is there, so the look and the rename need a claim around them.
  const claim = temporaryPath(finalPath, 'claim');
  await takeClaim(doing, claim);
  try {
    const existing = await lstatIfAny(finalPath);
    if (existing === undefined) await rename(path, finalPath);
    return existing;
  } finally {
    await unlink(claim);
  }
}

/** Claims are held for one rename; a second of waiting means that its owner was killed. */
const CLAIM_TRIES = 200;
const CLAIM_PAUSE_MS = 5;

async function takeClaim(doing: string, claim: string): Promise<void> {
  for (let attempt = 0; attempt < CLAIM_TRIES; attempt += 1) {
    try {
      const handle = await open(claim, 'wx', 0o600);
      await handle.close();
      return;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    await sleep(CLAIM_PAUSE_MS);
  }
  throw new ClawbackError('archive-io', `${doing}: another writer of this key does not finish`, {
    hint: `if no other clawback is running, remove ${claim}`,
    retryable: true,
  });
}
