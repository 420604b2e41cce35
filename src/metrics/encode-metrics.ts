import type { RunCounts } from '../report.ts';
import type { RunReport } from '../reports/run-report.ts';
import { decodeSamples, encodeSamples, type MetricName, type Sample } from './exposition.ts';

/** All that is known of a run that failed before it could count anything. */
export interface RunOutcome extends Pick<RunReport, 'instance' | 'startedAt' | 'durationMs' | 'exitCode'> {
  readonly command: RunReport['command'] | 'gc';
  /** Of a collection. */
  readonly deletedSessions?: number;
}

const ARCHIVED_BY: Partial<Record<keyof RunCounts, string>> = {
  modelRunRowsRemoved: 'model-run',
  ordinaryRowsPruned: 'ordinary-age',
  ordinaryRowsCapped: 'ordinary-cap',
  protectedRowsTrimmed: 'protected',
  orphanSessionsArchived: 'orphan',
  trajectorySessionsArchived: 'trajectory',
};

/**
 * The text of the file after a run. `archive`, `reclaim` and `gc` share it: of `former` the numbers of the other commands stay,
 * the last success of a run that failed, and what was last counted if this run counted nothing. Numbers of another
 * instance go.
 */
export function encodeMetrics(run: RunOutcome | RunReport, former = ''): string {
  const report = 'format' in run ? run : undefined;
  const isKept = ({ name, labels }: Sample) =>
    labels.instance === run.instance &&
    (labels.command === undefined
      ? report === undefined
      : labels.command !== run.command || (name === LAST_SUCCESS && run.exitCode !== 0));
  return encodeSamples([
    ...ofOutcome(run),
    ...(report === undefined ? [] : [...ofRun(report), ...ofState(report)]),
    ...decodeSamples(former).filter(isKept),
  ]);
}

const LAST_SUCCESS = 'clawback_last_success_timestamp_seconds';

function ofOutcome(outcome: RunOutcome): Sample[] {
  const { instance, command, exitCode, durationMs, deletedSessions, ...run } = outcome;
  const labels = { instance, command };
  const value = endOf({ ...run, durationMs });
  return [
    { name: 'clawback_last_run_timestamp_seconds', labels, value },
    ...(exitCode === 0 ? [{ name: LAST_SUCCESS, labels, value } as const] : []),
    { name: 'clawback_last_run_duration_seconds', labels, value: durationMs / 1000 },
    { name: 'clawback_last_run_exit_code', labels, value: exitCode },
    ...(deletedSessions === undefined
      ? []
      : [{ name: 'clawback_last_run_deleted_sessions', labels, value: deletedSessions } as const]),
  ];
}

function ofRun({ instance, command, done, ...report }: RunReport): Sample[] {
  const labels = { instance, command };
  const archived = Object.entries(ARCHIVED_BY).map(([count, rule]) => [rule, done[count] ?? 0] as const);
  const one = (name: MetricName, count: keyof RunCounts) => ({ name, labels, value: done[count] ?? 0 });
  return [
    ...each('clawback_last_run_archived_sessions', labels, 'reason', Object.fromEntries(archived)),
    one('clawback_last_run_removed_tombstones', 'tombstonesRemoved'),
    ...each('clawback_last_run_kept_rows', labels, 'reason', report.keptByReason),
    ...each('clawback_last_run_kept_protected_rows', labels, 'reason', report.protectedKeptByReason),
    ...each('clawback_last_run_left_alone_sessions', labels, 'reason', report.leftAlone),
    ...each('clawback_last_run_failures', labels, 'code', report.failures),
    one('clawback_last_run_archived_files', 'filesArchived'),
    one('clawback_last_run_archived_raw_bytes', 'rawBytes'),
    one('clawback_last_run_stored_bytes', 'storedBytes'),
    one('clawback_last_run_reclaimed_files', 'filesReclaimed'),
    one('clawback_last_run_freed_bytes', 'freedBytes'),
  ];
}

/** What is there, whichever command has looked: without a command, or two would count the same disk. */
function ofState({ instance, rows, disk, archive, budget, ...report }: RunReport): Sample[] {
  const labels = { instance };
  const { total, protected: isProtected, tombstones, modelRuns } = rows.after;
  const classes = {
    protected: isProtected - tombstones,
    tombstone: tombstones,
    'model-run': modelRuns,
    ordinary: total - isProtected - modelRuns,
  };
  const kinds = Object.entries(disk.after.byKind);
  const bytesOf = Object.fromEntries(kinds.map(([kind, { diskBytes }]) => [kind, diskBytes]));
  const filesOf = Object.fromEntries(kinds.map(([kind, { files }]) => [kind, files]));
  return [
    { name: 'clawback_measured_timestamp_seconds', labels, value: endOf(report) },
    ...each('clawback_rows', labels, 'class', classes),
    ...each('clawback_disk_bytes', labels, 'kind', bytesOf),
    ...each('clawback_disk_files', labels, 'kind', filesOf),
    ...(budget === null
      ? []
      : ([
          { name: 'clawback_disk_budget_bytes', labels, value: budget.maxDiskBytes },
          { name: 'clawback_disk_high_water_bytes', labels, value: budget.highWaterBytes },
          { name: 'clawback_disk_over_budget', labels, value: budget.isOver ? 1 : 0 },
        ] as const)),
    { name: 'clawback_archive_sessions', labels, value: archive.sessions },
    { name: 'clawback_archive_raw_bytes', labels, value: archive.rawBytes },
    { name: 'clawback_archive_stored_bytes', labels, value: archive.storedBytes },
  ];
}

function each(
  name: MetricName,
  labels: Sample['labels'],
  label: string,
  values: Readonly<Record<string, number>>,
): Sample[] {
  return Object.entries(values).map(([of, value]) => ({ name, labels: { ...labels, [label]: of }, value }));
}

/** In seconds since the epoch. */
function endOf({ startedAt, durationMs }: Pick<RunReport, 'startedAt' | 'durationMs'>): number {
  return (Date.parse(startedAt) + durationMs) / 1000;
}
