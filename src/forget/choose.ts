import type { Archive, ReadOptions } from '../archive/archive.ts';
import { unlessDamaged } from '../archive/read-objects.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import type { ManifestSession } from '../manifest/manifest.ts';
import { selectEvery } from '../restore/select.ts';
import { familyOf, sessionIdOf } from '../sessions/row.ts';
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
  for await (const session of eachSession(archive, new Set([...chosen].map((row) => row.batch_id)), options))
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

/**
 * Every session whose key or row names this person, with the loose files of its earlier sessions. Transcripts are not
 * searched. Every manifest is read; one that cannot be is told as damage.
 */
export async function chooseOfSubject(
  archive: Archive,
  rows: readonly CatalogueRow[],
  subject: string,
  agentIds: readonly string[] | undefined,
  options: ReadOptions,
): Promise<CatalogueRow[]> {
  const batchIds = new Set(rows.filter((row) => isOfAgents(row, agentIds)).map((row) => row.batch_id));
  const named: ManifestSession[] = [];
  for await (const session of eachSession(archive, batchIds, options))
    if (namesSubject(session, subject)) named.push(session);
  const archiveIds = new Set(named.map(({ archiveId }) => archiveId));
  const chosen = new Set(rows.filter((row) => archiveIds.has(row.archive_id) && isOfAgents(row, agentIds)));
  return [...chosen, ...looseFilesOf(named, rows, chosen)];
}

function isOfAgents(row: CatalogueRow, agentIds: readonly string[] | undefined): boolean {
  return agentIds === undefined || agentIds.includes(row.agent_id);
}

/** One manifest in memory at a time. */
async function* eachSession(
  archive: Archive,
  batchIds: ReadonlySet<string>,
  options: ReadOptions,
): AsyncGenerator<ManifestSession> {
  for (const batchId of batchIds) {
    const manifest = archive.manifest(batchId, options.signal);
    yield* await unlessDamaged(
      `manifest of ${batchId}`,
      manifest.then(({ sessions }) => sessions),
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
