import { type ErrorData, isClawbackError, toErrorData } from '../errors.ts';
import { withDeadline } from '../objects/deadline.ts';
import { removeEmptyFolders } from '../objects/made-folders.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { Probe } from './probe-steps.ts';

/** Removes what a probe made and found, whatever became of the caller's signal. A failure is a result. */
export async function cleanUp(
  probe: Probe,
  limitMs: number,
): Promise<{ readonly state: 'done' | 'wrong' | 'failed'; readonly error?: ErrorData }> {
  try {
    const isGone = await withDeadline(
      `remove the objects of the probe below ${probe.prefix}`,
      limitMs,
      undefined,
      (signal) => removeAll(probe, signal),
    );
    return { state: isGone ? 'done' : 'wrong' };
  } catch (error) {
    return { state: 'failed', error: toErrorData(error) };
  }
}

/** Whether they are gone after it. */
async function removeAll(
  { archive, prefix, id, made, folders, wasUploading }: Probe,
  signal: AbortSignal,
): Promise<boolean> {
  if (wasUploading) await archive.objects.abortStaleUploads(`${prefix}${id}`, signal);
  // The smallest, written first, goes last: as long as anything is there, the next probe finds it by a listing.
  const failures: unknown[] = [];
  for (const key of [...made].reverse())
    await archive.objects.delete(key, signal).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
  if (archive.folder !== undefined) await removeEmptyFolders(archive.folder, folders);
  for (const key of made) if (await isThere(archive.objects, key, signal)) return false;
  return true;
}

async function isThere(objects: ObjectStore, key: string, signal: AbortSignal): Promise<boolean> {
  try {
    await objects.stat(key, signal);
    return true;
  } catch (error) {
    if (isClawbackError(error) && error.code === 'object-not-found') return false;
    throw error;
  }
}
