import type { Archive } from '../archive/archive.ts';
import { isClawbackError } from '../errors.ts';
import { type Installation, openArchive } from '../installation.ts';
import { assertSameArchive } from '../leases/same-archive.ts';
import { SeenLeases } from '../state/seen-leases.ts';
import { type Io, warn } from './context.ts';

/** For verbs that vouch for the archive: it is the one that this host has archived into. @throws {ClawbackError} `archive-replaced`. */
export async function openKnownArchive(installation: Installation, signal: AbortSignal): Promise<Archive> {
  const archive = await openArchive(installation, { create: false });
  const { objects, instance } = archive;
  await assertSameArchive(archive, new SeenLeases(installation.state, objects.url, instance), signal);
  return archive;
}

/** For verbs that look for something in it: an older copy may have it, so that they are told, and go on. */
export async function openArchiveToRead(installation: Installation, io: Io): Promise<Archive> {
  try {
    return await openKnownArchive(installation, io.signal);
  } catch (error) {
    if (!isClawbackError(error) || error.code !== 'archive-replaced') throw error;
    const { message, code, hint } = error;
    warn(io, message, { code, hint });
    return openArchive(installation, { create: false });
  }
}
