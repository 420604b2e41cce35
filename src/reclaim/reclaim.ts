import { lstat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, errnoOf } from '../errors.ts';
import { describeStats, sameIdentity } from '../scan/scan.ts';
import { syncDirectory } from '../sessions/sync-directory.ts';
import type { ArchivedFile } from '../ship/task.ts';
import type { Tombstoned } from '../tombstone/tombstone-rows.ts';

export interface Reclaimed {
  readonly files: number;
  /** Blocks that the file system held for the removed files, measured at their removal. */
  readonly freedBytes: number;
  /** Files that stay: changed at the last moment, or not removable. */
  readonly left: readonly { readonly name: string; readonly why: string }[];
}

/** Unlinks exactly the files that a `Tombstoned` names, each only while it is still the file that was hashed. */
export async function reclaim(tombstoned: Tombstoned): Promise<Reclaimed> {
  let files = 0;
  let freedBytes = 0;
  const left: { name: string; why: string }[] = [];
  for (const file of tombstoned.sessions.flatMap((session) => session.files)) {
    const result = await unlinkUnchanged(join(tombstoned.sessionsDir, file.name), file);
    if (typeof result === 'string') left.push({ name: file.name, why: result });
    else {
      files += 1;
      freedBytes += result;
    }
  }
  if (files > 0) await syncDirectory(tombstoned.sessionsDir);
  return { files, freedBytes, left };
}

/** Bytes freed, or why the file stays. */
async function unlinkUnchanged(path: string, file: ArchivedFile): Promise<number | string> {
  try {
    const found = describeStats(await lstat(path, { bigint: true }));
    if (!found.isPlain || !sameIdentity(found.identity, file.identity))
      return 'it changed after it was archived';
    await unlink(path);
    return found.diskBytes;
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? 'it was gone already' : describe(error);
  }
}
