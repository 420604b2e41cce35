import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClawbackError, errnoOf } from '../errors.ts';

const SCRATCH_PREFIX = 'clawback-drill-';

/**
 * A folder that is its owner's alone, in the temporary folder, and gone afterwards: whatever happens in between, a
 * second Ctrl-C included, which ends the process at once. Only a SIGKILL leaves it.
 * @throws {ClawbackError} `scratch-io` if it cannot be made.
 */
export async function withScratchFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeFolder();
  const removeAtExit = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.once('exit', removeAtExit);
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    process.off('exit', removeAtExit);
  }
}

async function makeFolder(): Promise<string> {
  try {
    // mkdtemp makes it with mode 0700.
    return await mkdtemp(join(tmpdir(), SCRATCH_PREFIX));
  } catch (error) {
    throw scratchError(`make a scratch folder in ${tmpdir()}`, error);
  }
}

/** A full disk here says nothing about the archive. What is no error of the system is a bug of ours, and returned as it is. */
export function scratchError(doing: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || errno.startsWith('ERR_')) return error;
  return new ClawbackError('scratch-io', `${doing}: ${errno}`, {
    cause: error,
    hint: 'the largest session must fit into the temporary folder; to use another: TMPDIR=/large/folder clawback drill',
  });
}
