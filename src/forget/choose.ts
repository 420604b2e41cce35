import type { Archive, ReadOptions } from '../archive/archive.ts';
import { unlessDamaged } from '../archive/read-objects.ts';
import { whileReplaced } from '../archive/while-replaced.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import type { ManifestSession } from '../manifest/manifest.ts';
import { isArchiveDamage } from '../recover/damage.ts';
import { selectEvery } from '../restore/select.ts';
import { familyOf, sessionIdOf } from '../sessions/row.ts';
import { type SearchOptions, searchedFiles, searchTranscripts } from './search-transcripts.ts';
import { namesSubject } from './subject.ts';

/** What an operator means by a selector, when all of it is meant: also the loose files of its earlier sessions. */
export async function chooseSelected(
  archive: Archive,
  rows: readonly CatalogueRow[],
  selector: string,
  agentIds: readonly string[] | undefined,
  generation: number | undefined,
  options: ReadOptions,
): Promise<CatalogueRow[]> {
  const { found, isConversation } = selectEvery(rows, selector, agentIds, generation);
  // One generation is its flight recorders too. Loose files share theirs with the conversation that goes on.
  const chosen = new Set(
    found.flatMap(({ row, recorders }) => (row.action === 'files' ? [row] : [...recorders, row])),
  );
  if (!isConversation) return [...chosen];
  const archiveIds = new Set([...chosen].map((row) => row.archive_id));
  const sessions: ManifestSession[] = [];
  for await (const session of eachSession(archive, [...chosen], options))
    if (archiveIds.has(session.archiveId)) sessions.push(session);
  return [...chosen, ...looseFilesOf(sessions, rows, chosen)];
}

/** Whatever was last active longer ago. */
export function chooseOlder(
  rows: readonly CatalogueRow[],
  olderThanMs: number,
  agentIds: readonly string[] | undefined,
  nowMs: number,
): CatalogueRow[] {
  return rows.filter(
    (row) =>
      isOfAgents(row, agentIds) && nowMs - Date.parse(row.last_activity_at ?? row.archived_at) > olderThanMs,
  );
}

/** What is archived of a person. */
export interface OfSubject {
  readonly rows: readonly CatalogueRow[];
  /** Archive id → lines of its transcripts that name the person, of what nothing but these has brought up. */
  readonly lines: ReadonlyMap<string, number>;
}

export interface SubjectSearch extends SearchOptions {
  readonly subject: string;
  readonly agentIds: readonly string[] | undefined;
  /** Whether what was said counts too, of sessions that are not `isLeftOut`. */
  readonly transcripts: boolean;
  readonly isLeftOut: (archiveId: string) => boolean;
}

/**
 * Every session whose key or row names this person, with the loose files of its earlier sessions; where that is asked
 * for, every other one, too, of which a transcript does. Every manifest is read; what cannot be is told as damage.
 */
export async function chooseOfSubject(
  archive: Archive,
  rows: readonly CatalogueRow[],
  { subject, agentIds, transcripts, isLeftOut, ...options }: SubjectSearch,
): Promise<OfSubject> {
  const ofAgents = rows.filter((row) => isOfAgents(row, agentIds));
  const batchIds = new Set(ofAgents.map((row) => row.batch_id));
  const named: ManifestSession[] = [];
  const sizes = new Map<string, Size>();
  for (const batchId of batchIds) {
    for (const session of await sessionsUnlessDamaged(archive, batchId, options)) {
      if (namesSubject(session, subject)) named.push(session);
      sizes.set(session.archiveId, sizeOf(searchedFiles(session)));
    }
  }
  const archiveIds = new Set(named.map(({ archiveId }) => archiveId));
  const chosen = new Set(ofAgents.filter((row) => archiveIds.has(row.archive_id)));
  for (const loose of looseFilesOf(named, rows, chosen)) chosen.add(loose);
  if (!transcripts) return { rows: [...chosen], lines: new Map() };

  const others = ofAgents.filter(
    (row) => !chosen.has(row) && !isLeftOut(row.archive_id) && (sizes.get(row.archive_id)?.files ?? 0) > 0,
  );
  const byBatch = new Map<string, Set<string>>();
  for (const { batch_id: batchId, archive_id: archiveId } of others)
    byBatch.set(batchId, (byBatch.get(batchId) ?? new Set()).add(archiveId));
  const total = { filesTotal: 0, bytesTotal: 0 };
  for (const { archive_id: archiveId } of others) {
    total.filesTotal += sizes.get(archiveId)?.files ?? 0;
    total.bytesTotal += sizes.get(archiveId)?.bytes ?? 0;
  }
  const lines = await searchTranscripts(archive, byBatch, subject, total, options);
  return { rows: [...chosen, ...others.filter((row) => lines.has(row.archive_id))], lines };
}

/** Whatever keeps a manifest from being read is told, also that it is cold: the person may be in any other, too. */
async function sessionsUnlessDamaged(
  archive: Archive,
  batchId: string,
  { onDamage, signal }: SearchOptions,
): Promise<readonly ManifestSession[]> {
  try {
    return (await archive.manifest(batchId, signal)).sessions;
  } catch (error) {
    if (!isArchiveDamage(error)) throw error;
    onDamage(`manifest of ${batchId}`, error);
    return [];
  }
}

interface Size {
  readonly files: number;
  readonly bytes: number;
}

function sizeOf(files: readonly { readonly size: number }[]): Size {
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

function isOfAgents(row: CatalogueRow, agentIds: readonly string[] | undefined): boolean {
  return agentIds === undefined || agentIds.includes(row.agent_id);
}

/** One manifest in memory at a time. */
async function* eachSession(
  archive: Archive,
  rows: readonly CatalogueRow[],
  options: ReadOptions,
): AsyncGenerator<ManifestSession> {
  const { signal } = options;
  // Of a batch that a collection has not settled, two revisions may be needed.
  const batches = new Map(
    rows.map(({ batch_id: batchId, revision }) => [`${batchId} ${revision}`, { batchId, revision }]),
  );
  for (const batch of batches.values()) {
    const read = (revision: number) => archive.manifestAt({ ...batch, revision }, signal);
    const manifest = whileReplaced(archive, batch, read, signal);
    yield* await unlessDamaged(
      `manifest of ${batch.batchId}`,
      manifest.then((found) => found?.sessions ?? []),
      options,
    );
  }
}

/**
 * Files that no row referenced carry no key, only the session id in their names: they belong to a conversation that ran
 * under that id, unless another one that stays did so too.
 */
function looseFilesOf(
  sessions: readonly ManifestSession[],
  rows: readonly CatalogueRow[],
  chosen: ReadonlySet<CatalogueRow>,
): CatalogueRow[] {
  const nameOf = (agentId: string, sessionId: string | null) => JSON.stringify([agentId, sessionId]);
  const ids = new Set(
    sessions.flatMap(({ agentId, sessionId, row }) =>
      [sessionId, ...(row === null ? [] : [sessionIdOf(row), ...familyOf(row)])].map((id) =>
        nameOf(agentId, id),
      ),
    ),
  );
  const ofOthers = new Set(
    rows
      .filter((row) => row.session_key !== null && !chosen.has(row))
      .map((row) => nameOf(row.agent_id, row.session_id)),
  );
  return rows.filter((row) => {
    const name = nameOf(row.agent_id, row.session_id);
    const isLoose = row.session_key === null && row.session_id !== null && !chosen.has(row);
    return isLoose && ids.has(name) && !ofOthers.has(name);
  });
}
