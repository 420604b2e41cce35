import { KEEP_REASONS, type KeepReason } from '../plan/reasons.ts';
import { byCount, commandOf, doneOf, endedWell, failuresOf, outcomeOf, sumOf } from '../reports/outcome.ts';
import type { RunReport } from '../reports/run-report.ts';
import { count, formatAge, formatBytes, formatMinute, safe, table } from './format.ts';

/** Past runs, the newest at the bottom, where the eye is, and below it what that one says in full. */
export function describeReports(reports: readonly RunReport[], available: number): string {
  const newest = reports.at(-1);
  const more = available > reports.length ? `, of ${available} (--last N shows more)` : '';
  return [
    `${count(reports.length, 'run')}${more}; times are UTC, the newest is the last`,
    table([...HEAD, ...reports.map(lineOf)]),
    ...(newest === undefined ? [] : ['', describeNewest(newest)]),
  ].join('\n');
}

const HEAD = [
  ['', '', '', 'normal', 'normal', 'protected', 'protected', 'model runs', 'artifacts', 'artifacts', '', ''],
  [
    'when',
    'command',
    'outcome',
    'pruned',
    'capped',
    'trimmed',
    'skipped',
    'removed',
    'archived',
    'reclaimed',
    'freed',
    'failures',
  ],
];

function lineOf(report: RunReport): (string | number)[] {
  const done = (name: string) => doneOf(report, name);
  return [
    runDate(report),
    safe(commandOf(report)),
    outcomeOf(report),
    done('ordinaryRowsPruned'),
    done('ordinaryRowsCapped'),
    done('protectedRowsTrimmed'),
    report.command === 'reclaim' ? '-' : sumOf(report.protectedKeptByReason),
    done('modelRunRowsRemoved'),
    `${count(done('filesArchived'), 'file')}, ${formatBytes(done('rawBytes'))}`,
    count(done('filesReclaimed'), 'file'),
    formatBytes(done('freedBytes')),
    safe(failuresOf(report) || '-'),
  ];
}

/** `2026-11-21 04:30`, UTC. */
export function runDate({ startedAt }: Pick<RunReport, 'startedAt'>): string {
  return formatMinute(startedAt);
}

/** What was done, as an operator calls it. */
export const DONE_WORDS = {
  ordinaryRowsPruned: 'normal rows pruned by age',
  ordinaryRowsCapped: 'normal rows capped: removed beyond retention.maxEntries',
  protectedRowsTrimmed: 'protected rows trimmed to routing tombstones',
  modelRunRowsRemoved: 'model-run rows removed',
  tombstonesRemoved: 'tombstones of long archived conversations removed',
  orphanSessionsArchived: 'sessions that only had files left, archived',
  trajectorySessionsArchived: 'conversations that stay, and whose flight recorder went',
  recoveredSessions: 'of all these, sessions that an interrupted run had begun',
} as const;

function describeNewest(report: RunReport): string {
  const { rows, disk, archive, budget, runId } = report;
  const done = Object.entries(DONE_WORDS)
    .map(([name, words]) => [doneOf(report, name), words] as const)
    .filter(([n]) => n > 0);
  const ofFiles = (name: string, bytes: string) =>
    `${count(doneOf(report, name), 'file')}, ${formatBytes(doneOf(report, bytes))}`;
  const failures = failuresOf(report);
  return [
    `the newest: ${runDate(report)}, ${outcomeOf(report)} after ${formatAge(report.durationMs)}, run ${runId}`,
    ...(endedWell(report) ? [] : [`  failures: ${safe(failures || 'none that has a code')}`]),
    done.length === 0 ? '  no row was changed, no session archived' : table(done),
    `  artifacts archived: ${ofFiles('filesArchived', 'rawBytes')}, stored in ${formatBytes(doneOf(report, 'storedBytes'))}`,
    `  artifacts reclaimed: ${ofFiles('filesReclaimed', 'freedBytes')} freed`,
    ...describeKept(report),
    ...describeLeftAlone(report),
    table([
      ['', 'before', 'after'],
      ['rows', rows.before.total, rows.after.total],
      ['  protected', rows.before.protected, rows.after.protected],
      ['  of these tombstones', rows.before.tombstones, rows.after.tombstones],
      ['  model runs', rows.before.modelRuns, rows.after.modelRuns],
      ['files', disk.before.files, disk.after.files],
      ['disk', formatBytes(disk.before.diskBytes), formatBytes(disk.after.diskBytes)],
    ]),
    ...describeScope(report).map((text) => `  ${safe(text)}`),
    ...(budget === null
      ? []
      : [
          `  disk budget: ${formatBytes(budget.maxDiskBytes)}, freed down to ${formatBytes(budget.highWaterBytes)}; ${budget.isOver ? 'still over it' : 'kept'}`,
        ]),
    `  archive: ${count(archive.sessions, 'session')}, ${formatBytes(archive.rawBytes)} in ${formatBytes(archive.storedBytes)}`,
  ].join('\n');
}

/** Every reason, with the protected rows of it apart: these are what an operator asks after. */
function describeKept({ command, keptByReason, protectedKeptByReason }: RunReport): string[] {
  // It takes what it needs, and gives no reason for every row that it passes by.
  if (command === 'reclaim') return [];
  const protectedOf = new Map(Object.entries(protectedKeptByReason));
  const rows = byCount(keptByReason).map(([reason, n]) => [
    n,
    protectedOf.get(reason) ?? 0,
    safe(reasonText(reason)),
  ]);
  const [all, skipped] = [sumOf(keptByReason), sumOf(protectedKeptByReason)];
  const head = `  rows kept: ${all}; protected rows skipped: ${skipped} of these`;
  return rows.length === 0 ? [head] : [head, indent(table([['all', 'protected', 'reason'], ...rows]))];
}

function describeLeftAlone({ leftAlone }: RunReport): string[] {
  const rows = byCount(leftAlone).map(([why, n]) => [n, safe(why)]);
  return rows.length === 0 ? [] : ['  sessions that changed meanwhile and stayed', indent(table(rows))];
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}

/** The text of a reason for keeping a row. A later release may know others. */
export function reasonText(reason: string): string {
  return Object.hasOwn(KEEP_REASONS, reason)
    ? KEEP_REASONS[reason as KeepReason].replace(/: \{\}$/, '')
    : reason;
}

/** Why the numbers of rows and disk may not be those of other runs. */
export function describeScope({ scope }: RunReport): string[] {
  if (scope === undefined) return [];
  return [
    ...(scope.agents === null ? [] : [`rows and disk are of these agents only: ${scope.agents.join(', ')}`]),
    ...(scope.unreadStores === 0
      ? []
      : [
          `${count(scope.unreadStores, 'store')} could not be read and ${scope.unreadStores === 1 ? 'is' : 'are'} not counted`,
        ]),
  ];
}
