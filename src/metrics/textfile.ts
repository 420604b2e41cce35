import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ClawbackError, errnoOf } from '../errors.ts';
import type { RunReport } from '../reports/run-report.ts';
import { encodeMetrics, type RunOutcome } from './encode-metrics.ts';
import { isOurs } from './exposition.ts';

/** The collector runs as a user of its own. */
const READABLE_BY_ALL = 0o644;

/**
 * Puts the numbers of a run into the file: the collector sees the file before or after, never a part. Its folder must
 * exist.
 * @throws {ClawbackError} `config-invalid` if the file is somebody else's; else whatever the file system says.
 */
export async function writeTextfile(path: string, run: RunOutcome | RunReport): Promise<void> {
  const former = await readIfThere(path);
  if (!isOurs(former)) {
    throw new ClawbackError(
      'config-invalid',
      `write metrics ${path}: the file there is not one of clawback`,
      {
        hint: 'name another file in metrics.textfile, or remove that one',
      },
    );
  }
  // No name that ends in .prom: the collector reads each of those.
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', READABLE_BY_ALL);
    try {
      await file.writeFile(encodeMetrics(run, former));
      // Whatever the umask.
      await file.chmod(READABLE_BY_ALL);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
