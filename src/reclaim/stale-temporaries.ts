import { lstat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, errnoOf } from '../errors.ts';
import { describeStats, type ScannedFile, type Snapshot, sameIdentity } from '../scan/scan.ts';
import { syncDirectory } from '../sessions/sync-directory.ts';
import type { Reclaimed } from './reclaim.ts';

/** OpenClaw itself takes them away after five minutes, when it next cleans up. */
const STALE_MS = 3_600_000;

/**
 * Halves of `sessions.json` that a process left when it died amid a write. They are the one thing that goes without
 * being archived: no reader ever looks at them, and what was in them is in the store or was never committed.
 */
export function staleTemporaries({ files }: Snapshot, nowMs: number): ScannedFile[] {
  return [...files.values()].filter(
    ({ kind, isPlain, mtimeMs }) => kind === 'store-temporary' && isPlain && nowMs - mtimeMs >= STALE_MS,
  );
}

/** Unlinks each while it is still the file that was seen. */
export async function removeTemporaries(
  sessionsDir: string,
  temporaries: readonly ScannedFile[],
): Promise<Reclaimed> {
  let files = 0;
  let freedBytes = 0;
  const left: Reclaimed['left'][number][] = [];
  for (const { name, identity } of temporaries) {
    const path = join(sessionsDir, name);
    try {
      const found = describeStats(await lstat(path, { bigint: true }));
      if (!sameIdentity(found.identity, identity)) continue;
      await unlink(path);
      files += 1;
      freedBytes += found.diskBytes;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') left.push({ name, why: describe(error), isFailure: true });
    }
  }
  if (files > 0) await syncDirectory(sessionsDir);
  return { files, freedBytes, left };
}
