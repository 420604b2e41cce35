import { doneOf, endedWell, failuresOf, outcomeOf } from '../../reports/outcome.ts';
import type { RunReport } from '../../reports/run-report.ts';
import { count, formatBytes, formatCount } from '../format.ts';
import { runDate } from '../report-text.ts';
import type { Limit, Plot, Point, Series } from './plot.ts';

/** The plots of a page: rows, disk, freed bytes, archive. `reports` are in order of time, and not empty. */
export function trendOf(reports: readonly RunReport[]): Plot[] {
  const comparable = comparableOf(reports);
  const left = reports.length - comparable.length;
  const note =
    left === 0
      ? undefined
      : `Without ${count(left, 'run')} that looked at other agents than the newest, or could not read a store: ${left === 1 ? 'its' : 'their'} numbers cannot be compared.`;
  return [
    plotOf({
      name: 'rows',
      heading: 'Rows',
      subtitle: 'in the session stores, after each run',
      unit: 'count',
      note,
      series: [
        line('all rows', comparable, ({ rows }) => rows.after.total, rowsText),
        line('protected', comparable, ({ rows }) => rows.after.protected, rowsText),
        line('of these, tombstones', comparable, ({ rows }) => rows.after.tombstones, rowsText),
      ],
    }),
    plotOf({
      name: 'disk',
      heading: 'Disk',
      subtitle: 'blocks that the sessions folders hold',
      unit: 'bytes',
      note,
      limits: limitsOf(comparable.at(-1)),
      series: [
        line('after the run', comparable, ({ disk }) => disk.after.diskBytes, formatBytes),
        line('before it', comparable, ({ disk }) => disk.before.diskBytes, formatBytes),
      ],
    }),
    plotOf({
      name: 'freed',
      heading: 'Freed',
      subtitle: 'by each run, measured when files were removed',
      unit: 'bytes',
      flags: reports.filter((report) => !endedWell(report)).map(flagOf),
      series: [bars('freed', reports, (report) => doneOf(report, 'freedBytes'), formatBytes)],
    }),
    plotOf({
      name: 'archive',
      heading: 'Archive',
      subtitle: 'stored bytes of all sessions in it, after each run',
      unit: 'bytes',
      series: [line('stored', reports, ({ archive }) => archive.storedBytes, formatBytes)],
    }),
  ];
}

/** Runs whose rows and disk are those of the same stores as the newest one's. */
function comparableOf(reports: readonly RunReport[]): readonly RunReport[] {
  const scopeOf = ({ scope }: RunReport) => JSON.stringify([...(scope?.agents ?? ['*'])].sort());
  const whole = reports.filter(({ scope }) => (scope?.unreadStores ?? 0) === 0);
  const newest = whole.at(-1);
  return newest === undefined ? [] : whole.filter((report) => scopeOf(report) === scopeOf(newest));
}

function limitsOf(newest: RunReport | undefined): Limit[] {
  const budget = newest?.budget;
  if (budget === null || budget === undefined) return [];
  return [{ name: `budget, ${formatBytes(budget.maxDiskBytes)}`, value: budget.maxDiskBytes }];
}

type Read = (report: RunReport) => number;
type Say = (value: number) => string;

function line(name: string, reports: readonly RunReport[], value: Read, say: Say): Series {
  return { name, kind: 'line', points: reports.map((report) => pointOf(name, report, value(report), say)) };
}

function bars(name: string, reports: readonly RunReport[], value: Read, say: Say): Series {
  return { name, kind: 'bar', points: reports.map((report) => pointOf(name, report, value(report), say)) };
}

function pointOf(name: string, report: RunReport, value: number, say: Say): Point {
  const outcome = endedWell(report) ? '' : ` (${outcomeOf(report)})`;
  return {
    atMs: Date.parse(report.startedAt),
    value,
    title: `${runDate(report)}${outcome} – ${name}: ${say(value)}`,
  };
}

function flagOf(report: RunReport): Point {
  const failures = failuresOf(report);
  const title = `${runDate(report)} – ${outcomeOf(report)}${failures === '' ? '' : `: ${failures}`}`;
  return { atMs: Date.parse(report.startedAt), value: 0, title };
}

function rowsText(rows: number): string {
  return count(rows, 'row');
}

type PlotParts = Omit<Plot, 'label' | 'limits' | 'flags'> & Partial<Pick<Plot, 'limits' | 'flags'>>;

function plotOf(plot: PlotParts): Plot {
  const { heading, subtitle, series, limits = [], flags = [] } = plot;
  const trends = series.map(({ name, points }) => `${name} ${describeTrend(points, plot.unit)}`);
  const bad = flags.length === 0 ? [] : [`${count(flags.length, 'run')} did not end well`];
  const all = [...trends, ...limits.map(({ name }) => name), ...bad];
  return {
    ...plot,
    limits,
    flags,
    label: `${heading}, ${subtitle}: ${all.join('; ')}. The table of the runs below has every value.`,
  };
}

function describeTrend(points: readonly Point[], unit: Plot['unit']): string {
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined) return 'without a value';
  const say = unit === 'bytes' ? formatBytes : formatCount;
  const highest = Math.max(...points.map(({ value }) => value));
  return `from ${say(first.value)} to ${say(last.value)}, at most ${say(highest)}`;
}
