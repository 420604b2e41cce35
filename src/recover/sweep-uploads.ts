import type { Archive } from '../archive/archive.ts';
import { runsAtWork } from '../leases/at-work.ts';
import { runOfKey } from '../manifest/keys.ts';

/** Whose: a collection holds the leases of all that it works on, so no other one can be at work beside it. */
export interface SweepOptions {
  /** Of the caller's leases. It must not have begun to write itself. */
  readonly ownId: string;
  /** Whether what collections have left goes too: only `gc` may say so. */
  readonly revisions: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Gives up what runs that are over have begun to write and never ended: open uploads of a bucket, temporary files of a
 * folder. A run holds a lease from before its first upload until after its last, so what was seen first, and belongs to
 * no holder of a lease after that, nobody is at work on any more. Keys that are not named after a run (marks, leases,
 * what doctor writes) are left alone. Returns how many went.
 */
export async function sweepUploads(
  { objects, instance }: Pick<Archive, 'objects' | 'instance'>,
  { ownId, revisions, signal }: SweepOptions,
): Promise<number> {
  const open = new Map<string, string>();
  for await (const key of objects.openUploads(`${instance}/`, signal)) {
    const named = runOfKey(key);
    if (named !== undefined && (revisions || !named.isRevision)) open.set(key, named.runId);
  }
  if (open.size === 0) return 0;
  const atWork = await runsAtWork(objects, instance, ownId, signal);
  if (atWork === undefined) return 0;
  let count = 0;
  for (const [key, runId] of open)
    if (!atWork.has(runId)) count += await objects.abortStaleUploads(key, signal);
  return count;
}
