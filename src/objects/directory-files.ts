import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ClawbackError, errnoOf } from '../errors.ts';
import { checkSignal } from './checks.ts';
import { notRegular, symlinkRefused } from './directory-errors.ts';

const READ_BYTES = 1 << 20;

// O_NOFOLLOW refuses a link in the last place, O_NONBLOCK keeps a fifo from hanging the open.
// Windows has neither, nor the fifos.
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Like `lstat`, with undefined for what is not there. */
export async function lstatIfAny(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * Looks at every folder between root and the key's file without following links.
 * Returns the file's path, or undefined if a folder on the way is missing.
 */
export async function findFolders(doing: string, root: string, key: string): Promise<string | undefined> {
  let path = root;
  const segments = key.split('/');
  for (const segment of segments.slice(0, -1)) {
    path = join(path, segment);
    const stats = await lstatIfAny(path);
    if (stats?.isSymbolicLink()) throw symlinkRefused(doing);
    if (!stats?.isDirectory()) return undefined;
  }
  return join(path, segments.at(-1) ?? '');
}

/**
 * Makes the folders of `key` and returns the file's path. A folder that a run
 * before us made may not have reached the disk, so the parent of each is synced
 * once for every `synced` set.
 */
export async function makeFolders(
  doing: string,
  root: string,
  key: string,
  synced: Set<string>,
): Promise<string> {
  const segments = key.split('/');
  let path = root;
  if (!synced.has(root)) {
    await makeRoot(root);
    synced.add(root);
  }
  for (const segment of segments.slice(0, -1)) {
    path = join(path, segment);
    const created = await makeFolder(doing, path);
    if (!created && synced.has(path)) continue;
    await syncFolder(dirname(path));
    synced.add(path);
  }
  return join(path, segments.at(-1) ?? '');
}

/** Not by Node's recursive mkdir, which never ends where a folder says ENOENT to a new one, as /proc does. */
async function makeRoot(root: string): Promise<void> {
  const missing: string[] = [];
  for (let path = root; (await lstatIfAny(path)) === undefined; path = dirname(path)) missing.unshift(path);
  for (const path of missing) {
    try {
      await mkdir(path, { mode: 0o700 });
    } catch (error) {
      // Another thread was faster.
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    await syncFolder(dirname(path));
  }
}

/** Whether it had to be made. */
async function makeFolder(doing: string, path: string): Promise<boolean> {
  const stats = await lstatIfAny(path);
  if (stats === undefined) {
    try {
      await mkdir(path, { mode: 0o700 });
      return true;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      return makeFolder(doing, path);
    }
  }
  if (stats.isSymbolicLink()) throw symlinkRefused(doing);
  if (stats.isDirectory()) return false;
  throw new ClawbackError('object-invalid-key', `${doing}: a part of the key is itself an object`, {
    hint: 'in a directory a key cannot continue another key with a slash',
  });
}

/** @throws what `open` throws, or `archive-io` if it is a link or no regular file. */
export async function openRegular(
  doing: string,
  path: string,
): Promise<{ handle: FileHandle; size: number }> {
  const handle = await open(path, OPEN_FLAGS);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw notRegular(doing);
    return { handle, size: stats.size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Reads until `into` is full or the file ends. Returns how many bytes came. */
export async function readFully(
  doing: string,
  handle: FileHandle,
  into: Buffer,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  let filled = 0;
  while (filled < into.byteLength) {
    checkSignal(doing, signal);
    const want = Math.min(READ_BYTES, into.byteLength - filled);
    const { bytesRead } = await handle.read(into, filled, want, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** Whether the file holds exactly these bytes; memory stays at one buffer. */
export async function fileHolds(
  doing: string,
  path: string,
  expected: { readonly size: number; readonly sha256: string },
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { handle, size } = await openRegular(doing, path);
  try {
    if (size !== expected.size) return false;
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (let offset = 0; ; ) {
      const count = await readFully(doing, handle, buffer, offset, signal);
      hash.update(buffer.subarray(0, count));
      offset += count;
      if (count < buffer.byteLength) break;
    }
    return hash.digest('hex') === expected.sha256;
  } finally {
    await handle.close();
  }
}

/** Makes names created or removed in `path` survive a power cut. Windows cannot open a folder, and journals names itself. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
