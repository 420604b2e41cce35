import type { Archive } from '../archive/archive.ts';
import { ClawbackError } from '../errors.ts';
import type { SeenLeases } from '../state/seen-leases.ts';
import { LeaseLog } from './lease-log.ts';

/**
 * Lease numbers never go back. An archive whose highest is below one that this host has had there is another: the mount
 * point of a disk that is not mounted, a bucket that was made anew, an old copy of the one that we know.
 *
 * @throws {ClawbackError} `archive-replaced`.
 */
export async function assertSameArchive(
  { objects, instance }: Pick<Archive, 'objects' | 'instance'>,
  seen: SeenLeases,
  signal?: AbortSignal,
): Promise<void> {
  const assertOf = async ([storeId, number]: readonly [string, number]) => {
    const newest = (await new LeaseLog(objects, instance, storeId).numbers(signal)).at(-1);
    if (newest === undefined || newest < number) throw replaced(objects.url, instance, newest, seen.path);
  };
  await Promise.all([...(await seen.numbers())].map(assertOf));
}

function replaced(url: string, instance: string, newest: number | undefined, path: string): ClawbackError {
  const what =
    newest === undefined
      ? `runs of this host have been there as ${instance}, and nothing in it is of them`
      : `it is older than the last run of this host there as ${instance}`;
  return new ClawbackError('archive-replaced', `open archive ${url}: ${what}`, {
    hint: `is its disk mounted, and the right bucket named? To go on with what is there now all the same: rm ${path}`,
  });
}
