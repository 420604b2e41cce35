import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** What must come back of a file: bytes, permission bits and the moment of its last change. */
export interface FileState {
  readonly sha256: string;
  readonly mode: string;
  /** Whole milliseconds: Node takes mtimes as seconds in a double, so the last fractions are lost. */
  readonly mtimeMs: number;
}

export type Tree = Readonly<Record<string, FileState>>;

/** Every file below a folder, by its path in there. */
export async function readTree(folder: string): Promise<Tree> {
  const tree: Record<string, FileState> = {};
  for (const name of await filesBelow(folder)) tree[name] = await readFileState(join(folder, name));
  return tree;
}

export async function readFileState(path: string): Promise<FileState> {
  const { mode, mtimeMs } = await lstat(path);
  return {
    sha256: createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
    mode: (mode & 0o7777).toString(8),
    mtimeMs: Math.round(mtimeMs),
  };
}

/** The files of a tree that go by one of these names. @throws Error if one is missing. */
export function pick(tree: Tree, names: readonly string[]): Tree {
  return Object.fromEntries(
    names.map((name) => {
      const state = tree[name];
      if (state === undefined) throw new Error(`${name} is not in the tree`);
      return [name, state];
    }),
  );
}

/**
 * Everything about everything below a folder: a file that was rewritten with the same bytes, a folder that
 * came or went, a link that points elsewhere, all of it makes a difference. Only the times of folders do not
 * count: taking the lock and giving it back changes them. Leases come and go, and are no content.
 */
export async function fingerprint(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const all = [folder, ...entries.map((entry) => join(entry.parentPath, entry.name))];
  const paths = all.filter((path) => !isLease(path)).sort();
  return Promise.all(
    paths.map(async (path) => {
      const stats = await lstat(path, { bigint: true });
      const content = stats.isSymbolicLink()
        ? await readlink(path)
        : stats.isFile()
          ? (await readFileState(path)).sha256
          : '';
      const about = stats.isDirectory() ? '' : ` ${stats.ino} ${stats.size} ${stats.mtimeNs} ${content}`;
      return `${relative(folder, path) || '.'} ${stats.mode.toString(8)}${about}`;
    }),
  );
}

/** Whether an object, by its key or its path, says who commits and nothing of what is archived. */
export function isLease(path: string): boolean {
  return path.includes('/leases/');
}

export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** The same of a directory archive, but for the report that every run adds to it. */
export async function archiveFingerprint(folder: string): Promise<string[]> {
  return (await fingerprint(folder)).filter((line) => !/\/reports\b/.test(line));
}
