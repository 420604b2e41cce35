import { isClawbackError } from '../errors.ts';
import { leasesPrefix } from '../manifest/keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { LeaseLog } from './lease-log.ts';

/**
 * Runs of an instance, on whichever host, that may be at work at this moment: those that hold the lease of any store by
 * its newest record. No clock is asked: what has not been given back counts, whenever it expired, until the next holder
 * of that store takes it over.
 *
 * @param ownId of our own records, which do not count.
 * @returns undefined if a holder names no run or a record cannot be read: then anything may be anybody's.
 */
export async function runsAtWork(
  objects: ObjectStore,
  instance: string,
  ownId: string,
  signal?: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  const runIds = new Set<string>();
  for (const storeId of await leasedStoreIds(objects, instance, signal)) {
    const record = await newest(new LeaseLog(objects, instance, storeId), signal);
    if (record === 'unreadable') return undefined;
    if (record === undefined || record.state !== 'held' || record.id === ownId) continue;
    if (record.runId === undefined) return undefined;
    runIds.add(record.runId);
  }
  return runIds;
}

/** Every store that any run has ever held: the highest record of a lease is never removed. */
export async function leasedStoreIds(
  objects: ObjectStore,
  instance: string,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const prefix = leasesPrefix(instance);
  const storeIds = new Set<string>();
  for await (const { key } of objects.list(prefix, signal)) {
    const slash = key.lastIndexOf('/');
    if (slash > prefix.length) storeIds.add(key.slice(prefix.length, slash));
  }
  return storeIds;
}

async function newest(log: LeaseLog, signal: AbortSignal | undefined) {
  try {
    return (await log.newest(signal))?.record;
  } catch (error) {
    if (!isClawbackError(error) || error.code !== 'locked') throw error;
    return 'unreadable';
  }
}
