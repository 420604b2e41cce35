import type { Archive, ReadOptions } from '../archive/archive.ts';
import { ClawbackError } from '../errors.ts';
import { parseArchiveId } from '../manifest/keys.ts';
import type { Manifest, ManifestSession } from '../manifest/manifest.ts';
import { selectArchived } from './select.ts';

export interface OpenedSession {
  readonly manifest: Manifest;
  readonly session: ManifestSession;
}

/** Finds what a person means and reads its manifest: the catalogue finds, the manifest decides. */
export async function openSession(
  archive: Archive,
  selector: string,
  agentIds: readonly string[] | undefined,
  options: ReadOptions = {},
): Promise<OpenedSession> {
  const { archive_id: archiveId } = selectArchived(await archive.catalogue(options), selector, agentIds);
  return openGeneration(archive, archiveId, options.signal);
}

/** The generation that an archive id names. @throws {ClawbackError} `manifest-invalid` if its manifest lacks it. */
export async function openGeneration(
  archive: Archive,
  archiveId: string,
  signal?: AbortSignal,
): Promise<OpenedSession> {
  const batchId = parseArchiveId(archiveId)?.batchId ?? '';
  const manifest = await archive.manifest(batchId, signal);
  const session = manifest.sessions.find((one) => one.archiveId === archiveId);
  if (session !== undefined) return { manifest, session };
  throw new ClawbackError('manifest-invalid', `read ${archiveId}: its manifest does not hold it`, {
    hint: 'the catalogue is wrong: run clawback verify',
  });
}
