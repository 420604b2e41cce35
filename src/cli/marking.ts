import type { Archive } from '../archive/archive.ts';
import { readDuration } from '../config/duration.ts';
import { ClawbackError } from '../errors.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import type { MarkKind } from '../marks/mark.ts';
import { writeMarks } from '../marks/write-marks.ts';
import { count, formatBytes, formatMinute, safe, table } from './format.ts';

/** What the verbs that mark have in common. */

/**
 * Marks, and looks again: a collection that has taken one of them, or has begun to, before it saw the mark is told of here.
 * @throws {ClawbackError} `object-not-found` then; what was marked stays marked.
 */
export async function markHeld(
  archive: Archive,
  kind: Exclude<MarkKind, 'forget'>,
  archiveIds: readonly string[],
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  await writeMarks(archive, await archive.marks({ signal }), kind, archiveIds, nowMs);
  const heldIds = async (withBegun: boolean) => {
    const rows = await archive.catalogue({ onDamage: () => {}, withBegun, signal });
    return new Set(rows.map((row) => row.archive_id));
  };
  const held = await heldIds(false);
  const missing = archiveIds.filter((id) => !held.has(id));
  if (missing.length === 0) return;
  const begun = await heldIds(true);
  const gone = missing.filter((id) => !begun.has(id));
  // Whether that collection has died, or goes on and has looked at the marks before, nobody here knows.
  if (gone.length === 0) {
    throw new ClawbackError(
      'object-not-found',
      `${kind} ${missing.join(', ')}: clawback gc has begun to delete it`,
      {
        hint: 'run clawback gc: it heeds the mark, and puts back what is not gone by then; clawback list shows what is left',
        retryable: true,
      },
    );
  }
  throw new ClawbackError(
    'object-not-found',
    `${kind} ${gone.join(', ')}: clawback gc has deleted it meanwhile`,
    {
      hint: 'clawback list shows what is left',
    },
  );
}

/** @param lines archive id → how many lines of its transcripts are meant. */
export function describeRows(
  rows: readonly CatalogueRow[],
  lines: ReadonlyMap<string, number> = new Map(),
): string {
  const linesOf = ({ archive_id: id }: CatalogueRow) =>
    lines.has(id) ? count(lines.get(id) ?? 0, 'line') : '-';
  return table(
    rows.map((row) => [
      ...(lines.size > 0 ? [linesOf(row)] : []),
      row.last_activity_at === null ? '-' : formatMinute(row.last_activity_at),
      row.kind,
      count(row.files, 'file'),
      formatBytes(row.raw_bytes),
      row.archive_id,
      safe(row.session_key ?? row.session_id),
    ]),
  );
}

export function rowToJson(row: CatalogueRow) {
  return {
    archiveId: row.archive_id,
    agentId: row.agent_id,
    sessionKey: row.session_key,
    sessionId: row.session_id,
    kind: row.kind,
    lastActivityAt: row.last_activity_at,
    archivedAt: row.archived_at,
    files: row.files,
    rawBytes: row.raw_bytes,
  };
}

/** @throws {ClawbackError} `usage`. */
export function readOlderThan(text: string): number {
  const reading = readDuration(text);
  if ('ms' in reading) return reading.ms;
  throw new ClawbackError('usage', `read --older-than ${JSON.stringify(text)}: ${reading.problem}`, {
    hint: 'for example --older-than 90d',
  });
}
