import { lstat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, errnoOf } from '../errors.ts';
import { placeName } from '../manifest/file-place.ts';
import { describeStats, sameIdentity } from '../scan/scan.ts';
import { namedOriginals } from '../scan/scan-media.ts';
import { syncDirectory } from '../sessions/sync-directory.ts';
import type { LeftFile } from '../settle/left-file.ts';
import type { Settled } from '../settle/settled.ts';
import type { ArchivedFile } from '../ship/task.ts';

export interface Reclaimed {
  readonly files: number;
  /** Blocks that the file system held for the removed files, measured at their removal. */
  readonly freedBytes: number;
  /** Files that stay: changed at the last moment, or not removable. */
  readonly left: readonly LeftFile[];
}

/**
 * Unlinks exactly the files that a `Settled` names, each only while it is still the file that was hashed. An image
 * that two attachment records name goes with the last of them.
 */
export async function reclaim(settled: Settled): Promise<Reclaimed> {
  let files = 0;
  let freedBytes = 0;
  const left: LeftFile[] = [];
  const folders = new Set<string>();
  const remove = async (file: ArchivedFile) => {
    const path = settled.pathOf(file);
    const result = await unlinkUnchanged(path, file);
    if (typeof result !== 'number') left.push({ name: placeName(file), ...result });
    else {
      files += 1;
      freedBytes += result;
      folders.add(dirname(path));
    }
  };
  const all = settled.sessions.flatMap((session) => session.files);
  for (const file of all) if (file.kind !== 'media-original') await remove(file);
  const originals = new Map(
    all.flatMap((file) => (file.kind === 'media-original' ? [[file.name, file]] : [])),
  );
  if (originals.size > 0) {
    const named = await namedOriginals(settled.folders.mediaDir).catch(describe);
    for (const file of originals.values()) {
      const why = whyNamed(named, file.name);
      if (why === undefined) await remove(file);
      else left.push({ name: placeName(file), why, isFailure: typeof named === 'string' });
    }
  }
  for (const folder of folders) await syncDirectory(folder);
  return { files, freedBytes, left };
}

/** @param named what all records name; undefined if one is not readable now, or the system's word on why. */
function whyNamed(named: ReadonlySet<string> | string | undefined, image: string): string | undefined {
  if (named === undefined) return 'another attachment record, which cannot be read, may name it';
  if (typeof named === 'string') return `another attachment record may name it: ${named}`;
  return named.has(image) ? 'another attachment record names it' : undefined;
}

/** Bytes freed, or why the file stays. */
async function unlinkUnchanged(path: string, file: ArchivedFile): Promise<number | Omit<LeftFile, 'name'>> {
  try {
    const found = describeStats(await lstat(path, { bigint: true }));
    if (!found.isPlain || !sameIdentity(found.identity, file.identity)) {
      return { why: 'it changed after it was archived', isFailure: false };
    }
    await unlink(path);
    return found.diskBytes;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { why: 'it was gone already', isFailure: false };
    return { why: describe(error), isFailure: true };
  }
}
