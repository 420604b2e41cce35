import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, rename, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ClawbackError, errnoOf } from '../errors.ts';
import type { ManifestFile } from '../manifest/manifest.ts';
import { naming } from '../system-error.ts';

/** What stands under an archived file's name now. */
export type LocalState = 'absent' | 'identical' | 'different';

export async function localState(path: string, file: ManifestFile): Promise<LocalState> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT') return 'absent';
    // A link, and a socket.
    if (code === 'ELOOP' || code === 'ENXIO') return 'different';
    throw error;
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size !== file.size) return 'different';
    const hash = createHash('sha256');
    for await (const chunk of handle.createReadStream({ autoClose: false })) hash.update(chunk as Buffer);
    return hash.digest('hex') === file.sha256 ? 'identical' : 'different';
  } catch (error) {
    throw naming(path, error);
  } finally {
    await handle.close();
  }
}

/** Gives a fetched file its place, never over an existing one. @throws {ClawbackError} `restore-conflict`. */
export async function placeFile(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    throw new ClawbackError('restore-conflict', `restore ${to}: a file of this name appeared meanwhile`, {
      hint: 'run again to see how it differs, or restore elsewhere with --to DIR',
    });
  }
  await unlink(from);
}

/** Moves an existing file into `folder` under a name that OpenClaw ignores there. Returns the new name. */
export async function setAside(path: string, folder: string, nowMs: number): Promise<string> {
  const stamp = new Date(nowMs).toISOString().replaceAll(':', '-');
  const aside = `${basename(path)}.clawback-aside-${stamp}`;
  await rename(path, join(folder, aside));
  return aside;
}
