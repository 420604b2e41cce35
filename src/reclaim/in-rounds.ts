import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errnoOf } from '../errors.ts';
import type { Chosen } from '../plan/choose-oldest.ts';

const LEAST_ROUND_BYTES = 1024 * 1024;

/** Where the archive lies on the disk that is full, no more is taken at once than fits there should none of it compress. */
export async function* inRounds<Store extends { readonly sessionsDir: string }>(
  chosen: readonly Chosen<Store>[],
  archiveUrl: string,
): AsyncGenerator<Chosen<Store>[]> {
  let round: Chosen<Store>[] = [];
  let room = Number.POSITIVE_INFINITY;
  for (const one of chosen) {
    if (round.length === 0) room = await roomBeside(one.store, archiveUrl);
    const bytes = one.session.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (round.length > 0 && bytes > room) {
      yield round;
      round = [];
      room = await roomBeside(one.store, archiveUrl);
    }
    round.push(one);
    room -= bytes;
  }
  if (round.length > 0) yield round;
}

/** Infinity where the archive is on another disk. */
async function roomBeside(
  { sessionsDir }: { readonly sessionsDir: string },
  archiveUrl: string,
): Promise<number> {
  if (!archiveUrl.startsWith('file:')) return Number.POSITIVE_INFINITY;
  const { dev } = await stat(sessionsDir);
  if ((await deviceOf(fileURLToPath(archiveUrl))) !== dev) return Number.POSITIVE_INFINITY;
  const { bavail, bsize } = await statfs(sessionsDir);
  return Math.max(LEAST_ROUND_BYTES, (bavail * bsize) / 2);
}

/** Of the folder, or of where it will be made. */
async function deviceOf(folder: string): Promise<number> {
  try {
    return (await stat(folder)).dev;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && dirname(folder) !== folder) return deviceOf(dirname(folder));
    throw error;
  }
}
