import { lstat, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';
import type { ArchivePlan } from '../plan/plan.ts';
import { References } from '../plan/references.ts';
import { onFile } from '../system-error.ts';
import { isOwnStub, MAX_STUB_BYTES } from '../tombstone/stub-transcript.ts';
import type { RetireStore } from './retire-tombstones.ts';

/**
 * Removes stub transcripts that no row names and nobody has written to: what a run leaves that dies between removing
 * a tombstone's row and its stub. They hold nothing but the words that we put there. Returns how many.
 */
export async function sweepStrayStubs(store: RetireStore, { snapshot }: ArchivePlan): Promise<number> {
  if (!snapshot.ownsOrphans) return 0;
  const references = new References(snapshot);
  let removed = 0;
  for (const { name, kind, sizeBytes, isPlain } of snapshot.files.values()) {
    if (kind !== 'transcript' || !isPlain || sizeBytes > MAX_STUB_BYTES || references.isReferenced(name))
      continue;
    const path = join(store.sessionsDir, name);
    if (snapshot.files.has(`${name}.lock`) || !isOwnStub(name, await textOf(path))) continue;
    if (removed === 0) await store.assertMayCommit();
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

async function textOf(path: string): Promise<string> {
  try {
    // Looked at again: what became large or a link since the scan is not read.
    const stats = await lstat(path);
    return stats.isFile() && stats.size <= MAX_STUB_BYTES
      ? await onFile(path, () => readFile(path, 'utf8'))
      : '';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
