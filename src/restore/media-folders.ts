import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ClawbackError } from '../errors.ts';
import { lstatIfThere } from '../scan/file-stats.ts';

/**
 * Makes the folders of `media/outgoing` that are missing, as OpenClaw would.
 * @throws {ClawbackError} `restore-conflict` if one of them is a link: what comes out of an archive is never written
 * through links.
 */
export async function makeMediaFolders(mediaDir: string): Promise<void> {
  for (const folder of [
    dirname(mediaDir),
    mediaDir,
    join(mediaDir, 'records'),
    join(mediaDir, 'originals'),
  ]) {
    const stats = await lstatIfThere(folder);
    if (stats === undefined) await mkdir(folder, { mode: 0o700 });
    else if (!stats.isDirectory()) {
      throw new ClawbackError(
        'restore-conflict',
        `restore into ${folder}: it is a link or a file, not a folder`,
        {
          hint: 'restore elsewhere with --to DIR',
        },
      );
    }
  }
}
