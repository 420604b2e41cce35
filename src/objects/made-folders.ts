import { rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../errors.ts';
import { translateFileError, translating } from './directory-errors.ts';
import { lstatIfAny } from './directory-files.ts';

/**
 * The folders that a first object below `prefix` would bring into being, the deepest first. The deepest
 * itself is among them even if it exists: it is the prefix's own.
 */
export async function foldersOf(root: string, prefix: string): Promise<string[]> {
  const own = join(root, prefix);
  const folders = [own];
  await translating(`look into ${root}`, root, async () => {
    for (let path = dirname(own); (await lstatIfAny(path)) === undefined; path = dirname(path))
      folders.push(path);
  });
  return folders;
}

/** Removes them as far as they are empty: what somebody else has put there since stays. */
export async function removeEmptyFolders(root: string, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    try {
      await rmdir(folder);
    } catch (error) {
      if (!GONE_OR_IN_USE.has(errnoOf(error) ?? ''))
        throw translateFileError(`remove the empty folder ${folder}`, root, error);
    }
  }
}

const GONE_OR_IN_USE = new Set(['ENOENT', 'ENOTEMPTY', 'EEXIST']);
