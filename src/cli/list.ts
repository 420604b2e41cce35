import ms from 'ms';
import picomatch from 'picomatch';
import { readDuration } from '../config/duration.ts';
import { ClawbackError } from '../errors.ts';
import { openArchive } from '../installation.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import { type Generation, numberGenerations } from '../restore/generations.ts';
import { EXIT, installationFrom, print, type Verb, warnOfDamage } from './context.ts';
import { count, formatBytes, safe, table } from './format.ts';

interface ListFlags {
  readonly key?: string;
  readonly olderThan?: string;
}

export const list: Verb<ListFlags> = async (io, flags) => {
  const installation = await installationFrom(io, flags);
  const olderThanMs = flags.olderThan === undefined ? undefined : parseOlderThan(flags.olderThan);
  const archive = await openArchive(installation, { create: false });
  const all = await archive.catalogue({ onDamage: warnOfDamage(io), signal: io.signal });
  const isListed = filterOf(flags, olderThanMs, installation.clock.nowMs());
  // Numbered before they are filtered: a number means the same in every list.
  const generations = numberGenerations(all).filter(({ row }) => isListed(row));
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
      sessions: generations.map(toJson),
    },
    () =>
      [
        table([
          ['last activity', 'kind', 'generation', 'files', 'raw', 'stored', 'archive id', 'session'],
          ...generations.map(({ row, number, of }) => [
            row.last_activity_at?.slice(0, 16).replace('T', ' ') ?? '-',
            row.kind,
            number === null ? `- of ${of}` : `${number} of ${of}`,
            row.files,
            formatBytes(row.raw_bytes),
            formatBytes(row.stored_bytes),
            row.archive_id,
            safe(row.session_key ?? row.session_id),
          ]),
        ]),
        `${count(totals.sessions, 'archived session')}, ${count(totals.files, 'file')}, ${formatBytes(totals.rawBytes)} in about ${formatBytes(totals.storedBytes)}`,
      ].join('\n'),
  );
  return EXIT.done;
};

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

function parseOlderThan(text: string): number {
  const reading = readDuration(text);
  if ('ms' in reading) return reading.ms;
  throw new ClawbackError('usage', `read --older-than ${JSON.stringify(text)}: ${reading.problem}`, {
    hint: `for example --older-than ${ms(90 * 86_400_000)}`,
  });
}

function toJson({ row, number, of }: Generation) {
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
  };
}
