import type { Archive } from '../archive/archive.ts';
import type { Installation } from '../installation.ts';
import { acquireLeases, type LeaseOptions, type Leases } from '../leases/leases.ts';
import { assertSameArchive } from '../leases/same-archive.ts';
import { SeenLeases } from '../state/seen-leases.ts';

/**
 * `acquireLeases` in the archive that this host knows, which is remembered by how far its leases have come.
 * @throws {ClawbackError} `archive-replaced` before anything is written; `locked`.
 */
export async function takeLeases(
  { state, clock, leaseTimes: times }: Pick<Installation, 'state' | 'clock' | 'leaseTimes'>,
  archive: Pick<Archive, 'objects' | 'instance'>,
  storeIds: readonly string[],
  options: Omit<LeaseOptions, 'clock' | 'times'>,
): Promise<Leases> {
  const seen = new SeenLeases(state, archive.objects.url, archive.instance);
  await assertSameArchive(archive, seen, options.signal);
  const leases = await acquireLeases(archive, storeIds, { ...options, clock, times });
  // On a disk that is full to the last block what was remembered before has to do.
  await seen.record(leases.numbers).catch(() => {});
  return leases;
}
