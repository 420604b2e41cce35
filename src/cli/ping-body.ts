import type { ErrorCode } from '../errors.ts';
import type { GcTally } from '../gc/gc-context.ts';
import type { RunReport } from '../reports/run-report.ts';
import type { ExitCode } from './context.ts';
import { count, formatBytes } from './format.ts';
import { formatSeconds } from './progress/progress-text.ts';

export interface Outcome {
  readonly command: RunReport['command'];
  readonly exitCode: ExitCode;
  readonly durationMs: number;
  /** Of the error that ended it. */
  readonly code?: ErrorCode | undefined;
}

/** What came of a collection in a night. */
export interface CollectionOutcome {
  readonly instance: string;
  readonly startedMs: number;
  readonly durationMs: number;
  readonly exitCode: ExitCode;
  /** Undefined: an error ended it. */
  readonly tally: GcTally | undefined;
}

/** The report as numbers and error codes: it goes to whoever runs the check, so it names no conversation and no path. */
export function pingBody(
  outcome: Outcome,
  reports: readonly RunReport[],
  collected?: CollectionOutcome,
): string {
  const { command, exitCode, durationMs, code } = outcome;
  return [
    `clawback ${command}: exit code ${exitCode} after ${formatSeconds(Math.round(durationMs / 1000))}`,
    ...(code === undefined ? [] : [`ended by an error: ${code}`]),
    ...reports.flatMap(describeReport),
    ...(collected === undefined ? [] : describeCollection(collected)),
  ].join('\n');
}

function describeCollection({ exitCode, instance, tally }: CollectionOutcome): string[] {
  const head = `gc on ${instance}: exit code ${exitCode}`;
  if (tally === undefined) return [head];
  const { deleted, kept, problems, counts } = tally;
  const objects = { objectsDeleted: counts.objectsDeleted, objectsWritten: counts.objectsWritten };
  return [
    head,
    ...describeCounts('done', { sessionsDeleted: deleted.length, ...objects }),
    ...describeCounts('kept', tallied(kept.map(({ why }) => why))),
    ...describeCounts('FAILED', tallied(problems.map(({ error }) => error.code))),
  ];
}

function tallied(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function describeReport(report: RunReport): string[] {
  const { command, instance, runId, rows, disk, archive, budget } = report;
  const { total, protected: isProtected, tombstones, modelRuns } = rows.after;
  return [
    `${command} on ${instance}, run ${runId}${report.interrupted ? ', interrupted' : ''}`,
    `  rows: ${total}, of which ${isProtected} protected (${tombstones} tombstones), ${modelRuns} model runs`,
    `  disk: ${formatBytes(disk.after.diskBytes)} in ${count(disk.after.files, 'file')}`,
    ...(budget === null ? [] : [describeBudget(budget)]),
    `  archive: ${formatBytes(archive.storedBytes)} for ${count(archive.sessions, 'session')}`,
    ...describeCounts('done', report.done),
    ...describeCounts('kept', report.keptByReason),
    ...describeCounts('left alone', report.leftAlone),
    ...describeCounts('FAILED', report.failures),
  ];
}

function describeBudget({ maxDiskBytes, isOver }: NonNullable<RunReport['budget']>): string {
  return `  ${isOver ? 'OVER its' : 'within its'} budget of ${formatBytes(maxDiskBytes)}`;
}

function describeCounts(what: string, counts: Readonly<Record<string, number>>): string[] {
  const some = Object.entries(counts).filter(([, n]) => n > 0);
  return some.length === 0 ? [] : [`  ${what}: ${some.map(([name, n]) => `${name} ${n}`).join(', ')}`];
}
