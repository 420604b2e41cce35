import type { ErrorCode } from '../errors.ts';
import type { ExitCode } from '../exit-code.ts';
import type { RoadName } from '../gateway/commit-road.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import type { ArchivePlan } from '../plan/plan.ts';
import { tally as countEach, countPlans, type RunTally } from '../report.ts';
import { REPORT_FORMAT, type RunReport } from './run-report.ts';
import type { Survey } from './survey.ts';

/** Which run it is: known when it begins. */
export interface BegunRun {
  readonly command: RunReport['command'];
  readonly runId: string;
  readonly road: RoadName;
  readonly startedMs: number;
}

/** What came of it: known when it ends. */
export interface EndedRun {
  /** What was decided. Empty if nothing could be planned. */
  readonly plans: readonly ArchivePlan[];
  readonly tally: RunTally;
  readonly exitCode: ExitCode;
  readonly interrupted: boolean;
  /** What ended it before its time. */
  readonly endedBy?: ErrorCode;
  /** Where a disk budget is set. */
  readonly budget?: RunReport['budget'];
}

/** What was measured around it. */
export interface Measured {
  readonly before: Survey;
  readonly after: Survey;
  readonly endedMs: number;
  /** Every session of the archive. */
  readonly archived: readonly CatalogueRow[];
  readonly tool: string;
  readonly instance: string;
  readonly agents: readonly string[] | undefined;
}

/** Pure. */
export function buildReport(begun: BegunRun, ended: EndedRun, measured: Measured): RunReport {
  const { tally } = ended;
  const { before, after, agents } = measured;
  const planned = countPlans(ended.plans);
  const codes = [...tally.failures, ...tally.problems].map(({ error }) => error.code);
  return {
    format: REPORT_FORMAT,
    tool: measured.tool,
    instance: measured.instance,
    runId: begun.runId,
    command: begun.command,
    startedAt: new Date(begun.startedMs).toISOString(),
    // A clock may be set back while a run is at work.
    durationMs: Math.max(0, Math.round(measured.endedMs - begun.startedMs)),
    exitCode: ended.exitCode,
    interrupted: ended.interrupted,
    road: begun.road,
    rows: { before: before.rows, after: after.rows },
    disk: { before: diskNumbers(before), after: diskNumbers(after) },
    keptByReason: { ...planned.keptByReason },
    protectedKeptByReason: { ...planned.protectedKeptByReason },
    done: { ...tally.counts },
    leftAlone: countEach(tally.leftAlone.map(({ why }) => why)),
    failures: countEach(ended.endedBy === undefined ? codes : [...codes, ended.endedBy]),
    filesNotRemoved: tally.filesLeft.filter(({ isFailure }) => isFailure).length,
    archive: archiveTotals(measured.archived),
    budget: ended.budget ?? null,
    scope: {
      agents: agents === undefined ? null : [...agents],
      unreadStores: Math.max(before.unreadStores, after.unreadStores),
    },
  };
}

function diskNumbers({ disk }: Survey): RunReport['disk']['after'] {
  const { files, diskBytes, byKind } = disk;
  return { files, diskBytes, byKind: { ...byKind } };
}

function archiveTotals(rows: readonly CatalogueRow[]): RunReport['archive'] {
  return {
    sessions: rows.length,
    rawBytes: rows.reduce((sum, row) => sum + row.raw_bytes, 0),
    storedBytes: rows.reduce((sum, row) => sum + row.stored_bytes, 0),
  };
}
