import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../errors.ts';
import { type Finding, ok, warning } from './check.ts';

/** Less than this is nearly full, whatever a run takes. */
export const LEAST_FREE_BYTES = 100_000_000;

/** On the file system of `folder`, or of where it would be made. Undefined where the system does not tell. */
export async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    return errno === 'ENOENT' && dirname(folder) !== folder ? freeBytes(dirname(folder)) : undefined;
  }
}

export function spaceFinding(
  whose: string,
  free: number,
  wanted: { readonly bytes: number; readonly why: string },
): Finding {
  const text = `${megabytes(free)} free for ${whose}`;
  if (free >= wanted.bytes) return ok(text);
  return warning(`only ${text}, less than ${megabytes(wanted.bytes)}: ${wanted.why}`, 'make room there');
}

/** Rounded down: what is less than wanted must not look like it. */
function megabytes(bytes: number): string {
  return bytes < 10_000_000_000
    ? `${Math.floor(bytes / 1_000_000)} MB`
    : `${Math.floor(bytes / 1_000_000_000)} GB`;
}
