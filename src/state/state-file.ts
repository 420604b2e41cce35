import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ClawbackError, errnoOf } from '../errors.ts';
import { isFull } from '../system-error.ts';

/** Replaces a file of clawback's own folder, whole or not at all. @throws {ClawbackError} `state-io`. */
export function replaceStateFile(path: string, text: string): Promise<void> {
  return writingState(path, async () => {
    // Not by process id: in two containers that share the folder it may be the same.
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await writeFile(temporary, text, { mode: 0o600, flush: true });
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  });
}

/** Makes the folder of `path`, then writes there. @throws {ClawbackError} `state-io` for whatever the system refuses. */
export async function writingState<T>(path: string, write: () => Promise<T>): Promise<T> {
  const directory = dirname(path);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await write();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new ClawbackError('state-io', `write ${path}: ${errno}`, {
      hint: isFull(errno)
        ? 'the disk is full to the last block; free a few KB there and run again'
        : `give the user that runs clawback write access to ${directory}`,
      cause: error,
    });
  }
}
