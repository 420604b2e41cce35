import type { DiskBudgetConfig } from '../config/config.ts';
import { type HighWater, highWaterBytes } from '../config/size.ts';
import type { DiskUse } from '../disk/measure-disk.ts';
import { ClawbackError, toErrorData } from '../errors.ts';
import { exitCodeOfReclaim } from '../exit-code.ts';
import type { Installation } from '../installation.ts';
import type { DiskBudget } from '../runs/reclaim-plan.ts';
import { planReclaimRun, reclaimRun } from '../runs/reclaim-run.ts';
import {
  EXIT,
  type ExitCode,
  type GlobalFlags,
  type Io,
  installationFrom,
  print,
  type Verb,
  warnOfLease,
  warnOfReport,
} from './context.ts';
import { formatBytes } from './format.ts';
import type { LogEntry } from './log.ts';
import { logEnd } from './log-end.ts';
import { type Finished, monitored } from './monitored.ts';
import { withPlanning, withRunProgress } from './progress/show-progress.ts';
import { describeReclaim, describeReclaimPlan, describeUse, stepJson } from './reclaim-text.ts';
import { describeProblems, describeWentWrong, wentWrong } from './went-wrong.ts';

interface ReclaimFlags {
  readonly maxDisk?: number;
  readonly highWater?: HighWater;
  readonly dryRun?: boolean;
}

export const reclaim: Verb<ReclaimFlags> = async (io, flags) => {
  const installation = await installationFrom(io, flags);
  const budget = budgetOf(installation.config.diskBudget, flags);
  if (budget === undefined) {
    throw new ClawbackError('usage', 'reclaim: there is no disk budget', {
      hint: 'type clawback reclaim --max-disk 2GB, or set diskBudget.maxDiskBytes; clawback status says what is there',
    });
  }
  return flags.dryRun
    ? dryRun(installation, budget, io, flags)
    : monitored(io, flags, 'reclaim', (opened) => reclaimOnce(opened, budget, io, flags));
};

/** The budget of the flags and settings. Undefined: there is none. @throws {ClawbackError} `usage` if its two sizes contradict each other. */
export function budgetOf(
  { maxDiskBytes: configured, highWater: configuredHigh, protectedFloorMs }: DiskBudgetConfig,
  flags: Pick<ReclaimFlags, 'maxDisk' | 'highWater'> = {},
): DiskBudget | undefined {
  const maxDiskBytes = flags.maxDisk ?? configured;
  if (maxDiskBytes === undefined) return undefined;
  const high = highWaterBytes(flags.highWater ?? configuredHigh, maxDiskBytes);
  if (high > maxDiskBytes) {
    throw new ClawbackError(
      'usage',
      `reclaim: high water ${formatBytes(high)} lies above the budget ${formatBytes(maxDiskBytes)}`,
      { hint: 'give it as a share of the budget, e.g. --high-water 80%' },
    );
  }
  const floor = protectedFloorMs === undefined ? {} : { protectedFloorMs };
  return { maxDiskBytes, highWaterBytes: high, ...floor };
}

async function dryRun(
  installation: Installation,
  budget: DiskBudget,
  io: Io,
  flags: GlobalFlags,
): Promise<ExitCode> {
  const { use, steps, unplanned, road, held } = await withPlanning(io, flags, 'reclaim', () =>
    planReclaimRun(installation, budget, io.signal),
  );
  const problems = unplanned.map(({ store, error }) => ({
    what: `store ${store.id}`,
    error: toErrorData(error),
  }));
  const wouldFree = steps.reduce((sum, { diskBytes }) => sum + diskBytes, 0);
  const isOver = use.diskBytes - wouldFree > budget.maxDiskBytes;
  const json = {
    ...head(installation, budget, true),
    road,
    before: use,
    steps: steps.map((step) => ({
      ...stepJson(step),
      plan: step.chosen.map(({ store, session, diskBytes }) => ({
        storeId: store.id,
        action: session.action,
        reason: session.reason,
        sessionKey: session.sessionKey,
        sessionId: session.sessionId,
        idleMs: Math.round(session.idleMs),
        files: session.files.length,
        diskBytes,
      })),
    })),
    isOver,
    held,
    problems,
  };
  const failed = describeProblems(problems);
  print(
    io,
    flags,
    json,
    () => [...describeReclaimPlan(use, budget, steps, held), ...failed].join('\n'),
    failed,
  );
  return isOver || problems.length > 0 ? EXIT.someFailed : EXIT.done;
}

/** The run itself, of which nobody else is told. */
export async function reclaimOnce(
  installation: Installation,
  budget: DiskBudget,
  io: Io,
  flags: GlobalFlags,
): Promise<Finished> {
  const startedMs = installation.clock.nowMs();
  const run = await withRunProgress(io, flags, 'reclaim', (onProgress) =>
    reclaimRun(installation, {
      budget,
      signal: io.signal,
      onProgress,
      onReportFailed: warnOfReport(io),
      onLeaseStuck: warnOfLease(io),
    }),
  );
  const { counts, failures, leftAlone, filesLeft, problems } = run.tally;
  const { isOver, report } = run;
  const json = {
    ...head(installation, budget, false),
    runId: run.opened?.runId ?? null,
    instance: run.opened?.instance ?? null,
    startedAt: new Date(startedMs).toISOString(),
    durationMs: installation.clock.nowMs() - startedMs,
    verified: installation.config.verify,
    road: run.opened?.road ?? null,
    interrupted: run.interrupted,
    before: run.before,
    after: run.after,
    steps: run.steps,
    isOver,
    held: run.held,
    done: counts,
    leftAlone,
    filesLeft,
    failures,
    problems,
  };
  const outcome = { plans: [], tally: run.tally, interrupted: run.interrupted };
  const over = isOver ? [overBudget(run.after, budget)] : [];
  print(
    io,
    flags,
    json,
    () =>
      [...describeReclaim(run, budget), ...describeWentWrong(outcome), ...over.map(({ msg }) => msg)].join(
        '\n',
      ),
    [...wentWrong(outcome), ...over],
  );
  const exitCode = exitCodeOfReclaim(run.tally, run.interrupted, isOver);
  const fields = { runId: run.opened?.runId, ...counts, isOver };
  logEnd(io, flags, 'reclaim', { exitCode, durationMs: json.durationMs, fields });
  return { exitCode, reports: report === undefined ? [] : [report] };
}

function overBudget(use: DiskUse, { maxDiskBytes }: DiskBudget): LogEntry {
  const over = use.diskBytes - maxDiskBytes;
  return {
    level: 'error',
    msg: `STILL OVER the disk budget: ${describeUse(use)}, ${formatBytes(over)} too much`,
    fields: { diskBytes: use.diskBytes, maxDiskBytes },
  };
}

function head({ config }: Installation, budget: DiskBudget, isDryRun: boolean) {
  const { maxDiskBytes, highWaterBytes: high, protectedFloorMs = null } = budget;
  return {
    schema: 'clawback.reclaim/1',
    dryRun: isDryRun,
    archive: config.archive,
    maxDiskBytes,
    highWaterBytes: high,
    protectedFloorMs,
  };
}
