import type { Archive } from '../archive/archive.ts';
import { isClawbackError } from '../errors.ts';
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
  try {
    await seen.record(leases.numbers);
  } catch (error) {
    // On a disk that is full to the last block what was remembered before has to do.
    if (isClawbackError(error) && error.code === 'state-io') return leases;
    await leases.release();
    throw error;
  }
  return leases;
}
