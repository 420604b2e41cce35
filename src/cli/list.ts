import picomatch from 'picomatch';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import type { Marks } from '../marks/marks.ts';
import { type Generation, isRecorder, numberGenerations } from '../restore/generations.ts';
import { EXIT, installationFrom, print, type Verb, warnOfDamage } from './context.ts';
import { count, formatBytes, formatMinute, safe, table } from './format.ts';
import { readOlderThan } from './marking.ts';
import { openArchiveToRead } from './open-archive.ts';

interface ListFlags {
  readonly key?: string;
  readonly olderThan?: string;
  readonly forgotten?: boolean;
}

export const list: Verb<ListFlags> = async (io, flags) => {
  const installation = await installationFrom(io, flags);
  const olderThanMs = flags.olderThan === undefined ? undefined : readOlderThan(flags.olderThan);
  const archive = await openArchiveToRead(installation, io);
  const options = { onDamage: warnOfDamage(io), signal: io.signal };
  const [all, marks] = await Promise.all([archive.catalogue(options), archive.marks(options)]);
  const isListed = filterOf(flags, olderThanMs, installation.clock.nowMs());
  // Numbered before they are filtered: a number means the same in every list.
  const matching = numberGenerations(all).filter(({ row }) => isListed(row));
  const isForgotten = ({ row }: Generation) => marks.isForgotten(row.archive_id);
  const generations = matching.filter((one) => isForgotten(one) === (flags.forgotten ?? false));
  const forgotten = matching.filter(isForgotten).length;
  const recorders = generations.filter(({ row }) => isRecorder(row)).length;
  const { graceMs } = installation.config.gc;
  const rows = generations.map(({ row }) => row);
  const sum = (of: (row: CatalogueRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  const totals = {
    sessions: rows.length,
    files: sum((r) => r.files),
    rawBytes: sum((r) => r.raw_bytes),
    storedBytes: sum((r) => r.stored_bytes),
  };
  print(
    io,
    flags,
    {
      schema: 'clawback.list/1',
      archive: archive.objects.url,
      instance: archive.instance,
      totals,
      forgotten,
      sessions: generations.map((one) => toJson(one, marks, graceMs)),
    },
    () => {
      if (all.length === 0) return `nothing is archived in ${archive.objects.url} as ${archive.instance}`;
      return [
        ...(rows.length === 0 ? [] : [tableOf(generations, marks, flags.forgotten ? graceMs : undefined)]),
        `${count(totals.sessions, 'archived session')}${recorders > 0 ? ` (${count(recorders, 'flight recorder')} of conversations that stayed)` : ''}, ${count(totals.files, 'file')}, ${formatBytes(totals.rawBytes)} in about ${formatBytes(totals.storedBytes)}`,
        ...(forgotten > 0 && !flags.forgotten
          ? [
              `${count(forgotten, 'forgotten session')} not shown, which clawback gc will delete: clawback list --forgotten`,
            ]
          : []),
      ].join('\n');
    },
  );
  return EXIT.done;
};

/** @param graceMs with it, from when on each may be deleted. */
function tableOf(generations: readonly Generation[], marks: Marks, graceMs?: number): string {
  return table([
    [
      'last activity (UTC)',
      ...(graceMs === undefined ? [] : ['may go from']),
      ...['kind', 'generation', 'files', 'raw', 'stored', 'archive id', 'session'],
    ],
    ...generations.map(({ row, number, of }) => [
      minute(row.last_activity_at),
      ...(graceMs === undefined ? [] : [minute(deletableFrom(row, marks, graceMs))]),
      row.kind,
      isRecorder(row) ? 'recorder' : `${number ?? '-'} of ${of}`,
      row.files,
      formatBytes(row.raw_bytes),
      formatBytes(row.stored_bytes),
      row.archive_id,
      `${safe(row.session_key ?? row.session_id)}${marks.isPinned(row.archive_id) ? ' (pinned)' : ''}`,
    ]),
  ]);
}

function filterOf(
  { key, agent }: ListFlags & { agent?: readonly string[] },
  olderThanMs: number | undefined,
  nowMs: number,
) {
  // In a session key `/` and a leading dot are characters like any other.
  const matchesKey = key === undefined ? () => true : picomatch(key, { bash: true, dot: true, nocase: true });
  return (row: CatalogueRow) => {
    if (key !== undefined && (row.session_key === null || !matchesKey(row.session_key))) return false;
    if (agent !== undefined && !agent.includes(row.agent_id)) return false;
    return (
      olderThanMs === undefined || nowMs - Date.parse(row.last_activity_at ?? row.archived_at) > olderThanMs
    );
  };
}

/** ISO 8601. Null: it is not forgotten. */
function deletableFrom(row: CatalogueRow, marks: Marks, graceMs: number): string | null {
  const fromMs = marks.deletableFromMs(row.archive_id, graceMs);
  return fromMs === undefined ? null : new Date(fromMs).toISOString();
}

function minute(isoDate: string | null): string {
  return isoDate === null ? '-' : formatMinute(isoDate);
}

function toJson({ row, number, of }: Generation, marks: Marks, graceMs: number) {
  return {
    archiveId: row.archive_id,
    agentId: row.agent_id,
    sessionKey: row.session_key,
    sessionId: row.session_id,
    kind: row.kind,
    protected: row.protected,
    action: row.action,
    lastActivityAt: row.last_activity_at,
    archivedAt: row.archived_at,
    files: row.files,
    rawBytes: row.raw_bytes,
    storedBytes: row.stored_bytes,
    generation: number,
    generations: of,
    recorder: isRecorder(row),
    pinned: marks.isPinned(row.archive_id),
    deletableFrom: deletableFrom(row, marks, graceMs),
  };
}
