import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../errors.ts';
import { checkSignal } from './checks.ts';
import { notAFolder, notRegular, symlinkRefused, translating } from './directory-errors.ts';
import { findFolders, lstatIfAny } from './directory-files.ts';
import { temporaryFor } from './directory-place.ts';
import { isObjectKey } from './object-store.ts';

export interface ListedFile {
  /** Of a temporary: the key that it was for, its last segment possibly cut short. */
  readonly key: string;
  readonly path: string;
  readonly size: number;
}

interface Entry {
  readonly name: string;
  readonly key: string;
  readonly path: string;
  readonly stats: Stats;
}

/**
 * Walks the files whose key starts with `prefix`, in ascending key order: the
 * objects, or the temporaries that writers left. Names that no key can have are
 * somebody else's and passed over; a link or device under a key's name is an
 * error, since passing it over would make an archive look emptier than it is.
 */
export async function* listFiles(
  root: string,
  prefix: string,
  wanted: 'objects' | 'temporaries',
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedFile> {
  const doing = `${wanted === 'objects' ? 'list objects' : 'abort uploads'} ${prefix || '(all)'}`;
  checkSignal(doing, signal);
  const folderKey = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const inside = await translating(doing, root, async () => {
    if (!(await isFolder(doing, root))) return undefined;
    return findFolders(doing, root, `${folderKey}_`);
  });
  if (inside !== undefined) yield* walk(dirname(inside), folderKey);

  async function* walk(folder: string, folderPrefix: string): AsyncGenerator<ListedFile> {
    const entries = await translating(doing, root, () => entriesOf(folder, folderPrefix, prefix, signal));
    for (const { name, key, path, stats } of entries) {
      checkSignal(doing, signal);
      const temporary = temporaryFor(name);
      if (temporary !== undefined) {
        if (wanted === 'temporaries') yield { key: folderPrefix + temporary, path, size: stats.size };
      } else if (stats.isDirectory()) {
        yield* walk(path, `${key}/`);
      } else if (wanted === 'objects') {
        if (stats.isSymbolicLink()) throw symlinkRefused(`${doing}: ${key}`);
        if (!stats.isFile()) throw notRegular(`${doing}: ${key}`);
        yield { key, path, size: stats.size };
      }
    }
  }
}

/** The entries that can lead to a key with `prefix`, in the order of the keys they lead to. */
async function entriesOf(
  folder: string,
  folderPrefix: string,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<Entry[]> {
  const entries: Array<Entry & { readonly sortKey: string }> = [];
  for (const name of await namesIn(folder)) {
    checkSignal(`list objects ${prefix}`, signal);
    const key = folderPrefix + (temporaryFor(name) ?? name);
    if (!isObjectKey(key) || !(key.startsWith(prefix) || prefix.startsWith(`${key}/`))) continue;
    const path = join(folder, name);
    const stats = await lstatIfAny(path);
    // `a.b` sorts before what is inside the folder `a`, since `.` comes before `/`.
    if (stats !== undefined)
      entries.push({ name, key, path, stats, sortKey: stats.isDirectory() ? `${key}/` : key });
  }
  return entries.sort((a, b) => (a.sortKey < b.sortKey ? -1 : a.sortKey > b.sortKey ? 1 : 0));
}

/** A folder that was removed since it was seen holds nothing. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** False only where there is nothing at all: before the first write. */
async function isFolder(doing: string, root: string): Promise<boolean> {
  try {
    if ((await stat(root)).isDirectory()) return true;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error;
    // A link whose target is away is a disk that is not mounted, not an empty archive.
    if ((await lstatIfAny(root)) === undefined && errnoOf(error) === 'ENOENT') return false;
  }
  throw notAFolder(doing, root);
}
