import { type DiskUse, measureDisk } from '../disk/measure-disk.ts';
import { toErrorData } from '../errors.ts';
import { exitCodeOfError, exitCodeOfReclaim } from '../exit-code.ts';
import type { CommitRoad } from '../gateway/commit-road.ts';
import { type Installation, lookAtStore, openArchive, workableStores } from '../installation.ts';
import type { Line } from '../line/line.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import { explainHeld, type Held } from '../plan/held.ts';
import { RunTally } from '../report.ts';
import { beginReport } from '../reports/begin-report.ts';
import type { RunReport } from '../reports/run-report.ts';
import { LOCK_NAME } from '../state/store-lock.ts';
import { freeDisk, type StepDone } from './free-disk.ts';
import { type RoadTaken, withOpenRun } from './open-run.ts';
import {
  type BudgetStore,
  type DiskBudget,
  lookAtAll,
  planReclaim,
  type ReclaimPlan,
} from './reclaim-plan.ts';
import { lookForRoad, storeOnRoad } from './store-roads.ts';

export interface ReclaimRunOptions {
  readonly budget: DiskBudget;
  readonly signal?: AbortSignal;
  readonly onProgress?: Line['onProgress'];
  /** Told why the run has no report, or why it is not kept in the archive. The run itself is none the worse. */
  readonly onReportFailed?: (error: unknown) => void;
  readonly onLeaseStuck?: (storeId: string, error: unknown) => void;
}

export interface ReclaimRun {
  /** Undefined: the disk was within its budget, so that nothing was locked and no archive asked. */
  readonly opened?: {
    readonly runId: string;
    readonly instance: string;
    readonly archiveUrl: string;
    readonly road: RoadTaken;
  };
  readonly before: DiskUse;
  readonly after: DiskUse;
  readonly steps: readonly StepDone[];
  /** What the disk holds still, by reason; only where it is over the budget. */
  readonly held: readonly Held[];
  readonly isOver: boolean;
  readonly tally: RunTally;
  readonly interrupted: boolean;
  /** What the archive keeps of this run. Undefined if it could not be made, or nothing was to be done. */
  readonly report?: RunReport | undefined;
}

/**
 * Frees the sessions folders down to the high-water mark, if they hold more than the budget: step by step, each
 * archived, verified, and only then freed.
 */
export async function reclaimRun(
  installation: Installation,
  options: ReclaimRunOptions,
): Promise<ReclaimRun> {
  const { budget, signal } = options;
  const stores = workableStores(installation).map((store) => budgetStore(installation, store));
  const before = await measure(stores);
  if (before.diskBytes > budget.maxDiskBytes) return reclaimLocked(installation, stores, before, options);
  const interrupted = signal?.aborted ?? false;
  const tally = new RunTally();
  return { before, after: before, steps: [], held: [], isOver: false, tally, interrupted };
}

function reclaimLocked(
  installation: Installation,
  stores: readonly BudgetStore[],
  before: DiskUse,
  { budget, signal, onReportFailed, ...options }: ReclaimRunOptions,
): Promise<ReclaimRun> {
  const startedMs = installation.clock.nowMs();
  const opening = { ...options, signal, command: 'clawback reclaim' };
  return withOpenRun(installation, opening, async ({ runId, line, road }) => {
    const { archive, tally } = line;
    const begun = { command: 'reclaim', runId, road: road.name, startedMs } as const;
    const report = await beginReport(installation, archive, begun, onReportFailed);
    const isInterrupted = () => signal?.aborted ?? false;
    const steps = await freeDisk(line, budget, signal).catch(async (error: unknown) => {
      const { code } = toErrorData(error);
      const exitCode = exitCodeOfError(code);
      await report.end({ plans: [], tally, exitCode, interrupted: isInterrupted(), endedBy: code });
      throw error;
    });
    const interrupted = isInterrupted();
    const after = await measure(stores);
    const isOver = after.diskBytes > budget.maxDiskBytes;
    const exitCode = exitCodeOfReclaim(tally, interrupted, isOver);
    const { maxDiskBytes, highWaterBytes } = budget;
    return {
      opened: { runId, instance: archive.instance, archiveUrl: archive.objects.url, road },
      before,
      after,
      steps,
      held: isOver ? await explainAll(stores, budget) : [],
      isOver,
      tally,
      interrupted,
      report: await report.end({
        plans: [],
        tally,
        exitCode,
        interrupted,
        budget: { maxDiskBytes, highWaterBytes, isOver },
      }),
    };
  });
}

/** What a run would do, now. Reads only; the archive is asked what it holds, if anything was archived ever. */
export async function planReclaimRun(
  installation: Installation,
  budget: DiskBudget,
  signal?: AbortSignal,
): Promise<ReclaimPlan<BudgetStore> & { readonly road: RoadTaken; readonly held: readonly Held[] }> {
  const { config, state } = installation;
  const road = await lookForRoad(installation);
  try {
    const stores = workableStores(installation).map((store) => budgetStore(installation, store, road));
    const hasArchived = (config.instance ?? (await state.instance())) !== undefined;
    const archive = hasArchived ? await openArchive(installation, { create: false }) : undefined;
    const plan = await planReclaim(stores, { budget, overBytes: budget.maxDiskBytes, archive, signal });
    const isShort = plan.use.diskBytes - sumOf(plan.steps) > budget.maxDiskBytes;
    return {
      ...plan,
      road: { name: road.name, why: road.why },
      held: isShort ? await explainAll(stores, budget, namesOf(plan)) : [],
    };
  } finally {
    road.close();
  }
}

function budgetStore(installation: Installation, store: StoreLocation, road?: CommitRoad): BudgetStore {
  const active = async () =>
    road === undefined ? new Map() : storeOnRoad(installation, road, store).active();
  return { ...store, look: async () => lookAtStore(installation, store, { active: await active() }) };
}

function sumOf(steps: readonly { readonly diskBytes: number }[]): number {
  return steps.reduce((sum, { diskBytes }) => sum + diskBytes, 0);
}

async function measure(stores: readonly BudgetStore[]): Promise<DiskUse> {
  const { looks } = await lookAtAll(stores);
  return measureDisk(looks.map(({ input }) => input.snapshot));
}

function namesOf({ steps }: ReclaimPlan<BudgetStore>): ReadonlySet<string> {
  const files = steps.flatMap(({ chosen, temporaries }) => [
    ...chosen.flatMap(({ session }) => session.files),
    ...temporaries.flatMap((one) => one.files),
  ]);
  return new Set(files.map(({ name }) => name));
}

/** By reason over all stores, the largest first, without the files of these names. */
async function explainAll(
  stores: readonly BudgetStore[],
  { protectedFloorMs }: DiskBudget,
  except: ReadonlySet<string> = new Set(),
): Promise<Held[]> {
  const { looks } = await lookAtAll(stores);
  const uncounted = new Set([...except, LOCK_NAME]);
  const all = looks.flatMap(({ input }) => explainHeld(input, protectedFloorMs, uncounted));
  const sums = new Map<Held['reason'], Held>();
  for (const one of all) {
    const { files = 0, diskBytes = 0 } = sums.get(one.reason) ?? {};
    sums.set(one.reason, { ...one, files: files + one.files, diskBytes: diskBytes + one.diskBytes });
  }
  return [...sums.values()].sort((a, b) => b.diskBytes - a.diskBytes);
}
