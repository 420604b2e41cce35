import { randomUUID } from 'node:crypto';
import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ClawbackError, errnoOf } from '../errors.ts';

/**
 * Writes a file that the user named, whole or not at all: readers see the old one until the new one is there.
 * Returns its absolute path.
 *
 * @throws {ClawbackError} `usage` if something other than a file is there, `output-io` if it cannot be written.
 */
export async function writeOutput(file: string, text: string): Promise<string> {
  const path = resolve(file);
  try {
    // Through a link the file behind it is replaced, not the link.
    const target = (await isThere(path)) ? await realpath(path) : path;
    const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
    try {
      await writeFile(temporary, text, { flag: 'wx', flush: true });
      await rename(temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
    return path;
  } catch (error) {
    const errno = errnoOf(error);
    if (error instanceof ClawbackError || errno === undefined) throw error;
    throw new ClawbackError('output-io', `write ${path}: ${HINTS[errno]?.why ?? errno}`, {
      hint: HINTS[errno]?.hint ?? 'name another place',
      cause: error,
    });
  }
}

const HINTS: Readonly<Record<string, { readonly why: string; readonly hint: string }>> = {
  ENOENT: { why: 'its folder does not exist', hint: 'make the folder first, or name another' },
  ENOTDIR: { why: 'a part of its path is no folder', hint: 'name a file in a folder that exists' },
  EACCES: { why: 'permission denied', hint: 'name a folder that you may write to' },
  EROFS: { why: 'the file system is read-only', hint: 'name a folder that you may write to' },
  ENOSPC: { why: 'no space left', hint: 'free space there, or name another place' },
  EDQUOT: { why: 'no space left in the quota', hint: 'free space there, or name another place' },
};

/** @throws {ClawbackError} `usage` for a folder, a device, a pipe: replacing it is never meant. */
async function isThere(path: string): Promise<boolean> {
  try {
    const stats = await stat(path);
    if (stats.isFile()) return true;
    const what = stats.isDirectory() ? 'a folder' : 'no regular file';
    throw new ClawbackError('usage', `write ${path}: there is ${what} of that name`, {
      hint: stats.isDirectory()
        ? `name a file, for example ${join(path, 'clawback.html')}`
        : 'name a file, which is made or replaced',
    });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
