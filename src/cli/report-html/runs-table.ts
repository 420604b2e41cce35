import { commandOf, doneOf, endedWell, failuresOf, outcomeOf, sumOf } from '../../reports/outcome.ts';
import type { RunReport } from '../../reports/run-report.ts';
import { formatAge, formatBytes, formatCount } from '../format.ts';
import { runDate } from '../report-text.ts';
import { type Markup, markup } from './markup.ts';

interface Column {
  readonly group: string;
  readonly head: string;
  /** Where the value stands in a `clawback.report/1`: tests and scripts find it by that. */
  readonly field: string;
  readonly value: (report: RunReport) => number;
  readonly say?: (value: number) => string;
}

const doneColumn = (group: string, head: string, name: string, say?: Column['say']): Column => ({
  group,
  head,
  field: `done.${name}`,
  value: (report) => doneOf(report, name),
  ...(say === undefined ? {} : { say }),
});

const COLUMNS: readonly Column[] = [
  doneColumn('Normal rows', 'pruned', 'ordinaryRowsPruned'),
  doneColumn('Normal rows', 'capped', 'ordinaryRowsCapped'),
  doneColumn('Protected rows', 'trimmed', 'protectedRowsTrimmed'),
  {
    group: 'Protected rows',
    head: 'skipped',
    field: 'protectedKeptByReason',
    value: ({ protectedKeptByReason }) => sumOf(protectedKeptByReason),
  },
  doneColumn('Model-run rows', 'removed', 'modelRunRowsRemoved'),
  doneColumn('Tombstones', 'removed', 'tombstonesRemoved'),
  doneColumn('Artifacts archived', 'files', 'filesArchived'),
  doneColumn('Artifacts archived', 'bytes', 'rawBytes', formatBytes),
  doneColumn('Artifacts reclaimed', 'files', 'filesReclaimed'),
  doneColumn('Artifacts reclaimed', 'freed', 'freedBytes', formatBytes),
  { group: 'Rows after', head: 'all', field: 'rows.after.total', value: ({ rows }) => rows.after.total },
  {
    group: 'Rows after',
    head: 'protected',
    field: 'rows.after.protected',
    value: ({ rows }) => rows.after.protected,
  },
  {
    group: 'Rows after',
    head: 'tombstones',
    field: 'rows.after.tombstones',
    value: ({ rows }) => rows.after.tombstones,
  },
  {
    group: 'Disk',
    head: 'before',
    field: 'disk.before.diskBytes',
    value: ({ disk }) => disk.before.diskBytes,
    say: formatBytes,
  },
  {
    group: 'Disk',
    head: 'after',
    field: 'disk.after.diskBytes',
    value: ({ disk }) => disk.after.diskBytes,
    say: formatBytes,
  },
  {
    group: 'Archive',
    head: 'sessions',
    field: 'archive.sessions',
    value: ({ archive }) => archive.sessions,
  },
  {
    group: 'Archive',
    head: 'stored',
    field: 'archive.storedBytes',
    value: ({ archive }) => archive.storedBytes,
    say: formatBytes,
  },
];

/** Every value of the plots, and what else was done; the newest run first. */
export function runsTable(reports: readonly RunReport[]): Markup {
  return markup`
<div class="scroll" role="region" aria-label="Table of the runs" tabindex="0">
<table class="runs">
<thead>
<tr><th scope="col" rowspan="2">When (UTC)</th><th scope="col" rowspan="2">Command</th><th scope="col" rowspan="2">Outcome</th><th scope="col" rowspan="2">Failures</th>${groups().map(({ name, span }) => markup`<th scope="colgroup" colspan="${span}">${name}</th>`)}</tr>
<tr>${COLUMNS.map(({ head }) => markup`<th scope="col" class="n">${head}</th>`)}</tr>
</thead>
<tbody>
${[...reports].reverse().map(rowOf)}</tbody>
</table>
</div>`;
}

function rowOf(report: RunReport): Markup {
  const cells = COLUMNS.map(({ field, value, say = formatCount }) => {
    const n = value(report);
    return markup`<td class="n${n === 0 ? ' zero' : ''}"><data data-field="${field}" value="${n}">${say(n)}</data></td>`;
  });
  return markup`<tr data-run="${report.runId}"><th scope="row"><time datetime="${report.startedAt}">${runDate(report)}</time></th><td>${commandOf(report)}</td><td class="${endedWell(report) ? 'well' : 'bad'}">${outcomeOf(report)} <span class="took">${formatAge(report.durationMs)}</span></td><td>${failuresOf(report) || '–'}</td>${cells}</tr>
`;
}

function groups(): { name: string; span: number }[] {
  const names = [...new Set(COLUMNS.map(({ group }) => group))];
  return names.map((name) => ({ name, span: COLUMNS.filter(({ group }) => group === name).length }));
}
