import type { Archive, ReadOptions } from '../archive/archive.ts';
import { ClawbackError } from '../errors.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import { parseArchiveId } from '../manifest/keys.ts';
import type { Manifest, ManifestSession } from '../manifest/manifest.ts';
import type { Generation } from './generations.ts';
import { selectGenerations } from './select.ts';

export interface OpenedSession {
  readonly manifest: Manifest;
  readonly session: ManifestSession;
}

export interface OpenOptions extends ReadOptions {
  /** From 1 for the oldest, or from -1 for the newest. */
  readonly generation?: number;
}

/**
 * Finds what a person means and reads its manifest: the catalogue finds, the manifest decides.
 * @throws {ClawbackError} as `findGenerations`.
 */
export async function openSession(
  archive: Archive,
  selector: string,
  agentIds: readonly string[] | undefined,
  options: OpenOptions = {},
): Promise<OpenedSession> {
  const found = await findGenerations(archive, selector, agentIds, options);
  const { row } = found.at(-1) as Generation;
  return openGeneration(archive, row.archive_id, options.signal);
}

/**
 * The generations that a person means, oldest first, at least one; without those that are forgotten. Their manifests are read when
 * they are opened.
 * @throws {ClawbackError} `selector-unknown`, `selector-ambiguous`; `forgotten` if none is left.
 */
export async function findGenerations(
  archive: Archive,
  selector: string,
  agentIds: readonly string[] | undefined,
  options: OpenOptions = {},
): Promise<Generation[]> {
  const [rows, marks] = await Promise.all([archive.catalogue(options), archive.marks(options)]);
  const found = selectGenerations(rows, selector, agentIds, options.generation);
  const isLeft = (row: CatalogueRow) => !marks.isForgotten(row.archive_id);
  const left = found.filter(({ row }) => isLeft(row));
  if (left.length > 0) return left.map((one) => ({ ...one, recorders: one.recorders.filter(isLeft) }));
  const archiveId = (found.at(-1) as Generation).row.archive_id;
  throw new ClawbackError('forgotten', `read ${archiveId}: it is forgotten`, {
    hint: `until clawback gc deletes it, this takes it back: clawback unforget ${archiveId}`,
  });
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
