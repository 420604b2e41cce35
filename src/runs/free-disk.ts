import { withLineRun } from '../line/coordinator.ts';
import type { Line, LineStore } from '../line/line.ts';
import type { LineRun } from '../line/line-run.ts';
import type { Candidate, Chosen } from '../plan/choose-oldest.ts';
import type { ArchivePlan, PlannedSession } from '../plan/plan.ts';
import { type ArchivingStep, planStep, type ReclaimStep } from '../plan/reclaim-steps.ts';
import { inRounds } from '../reclaim/in-rounds.ts';
import { removeTemporaries } from '../reclaim/stale-temporaries.ts';
import { proveCopies } from '../recover/archived-copies.ts';
import type { RunStore } from './open-run.ts';
import { type BudgetStore, type DiskBudget, planReclaim, type StepPlan } from './reclaim-plan.ts';

/** What a step was to free, and what it freed. */
export interface StepDone {
  readonly step: ReclaimStep;
  readonly sessions: number;
  readonly files: number;
  /** As planned, and as measured at their removal: blocks of its files. */
  readonly plannedBytes: number;
  readonly freedBytes: number;
}

/** What came in between may have to be made up for: a second look, and a third, then it is told. */
const PASSES = 3;

/**
 * Frees the sessions folders down to the high-water mark, if they hold more than the budget: step by step, each
 * archived, verified, and only then freed. What was not to be had is tried once, and another candidate then.
 */
export async function freeDisk(
  line: Line & { readonly stores: readonly RunStore[] },
  budget: DiskBudget,
  signal?: AbortSignal,
): Promise<StepDone[]> {
  const { stores, archive, tally } = line;
  const done: StepDone[] = [];
  const tried = new Set<string>();
  const tag = (step: ReclaimStep, { store, session }: Candidate<BudgetStore>) =>
    `${step} ${store.id} ${nameOf(session)}`;
  await withLineRun(line, signal, async (run) => {
    for (let pass = 1; pass <= PASSES; pass += 1) {
      run.enter({ name: 'planning' });
      const plan = await planReclaim(stores, {
        budget,
        overBytes: pass === 1 ? budget.maxDiskBytes : budget.highWaterBytes,
        archive,
        isTried: (step, candidate) => tried.has(tag(step, candidate)),
        signal,
      });
      if (pass === 1)
        for (const { store, error } of plan.unplanned) tally.problem(`store ${store.id}`, error);
      if (plan.steps.length === 0) return;
      const shipped = plan.steps.filter(({ step }) => step !== 'copies');
      run.expect(shipped.flatMap(({ chosen }) => chosen.map(({ session }) => session)));
      for (const step of plan.steps) {
        if (signal?.aborted) return;
        for (const one of step.chosen) tried.add(tag(step.step, one));
        done.push(await runStep(line, run, step, budget, signal));
      }
    }
  });
  return joined(done);
}

/** Takes one step as it was planned, and waits until what it changed holds. */
async function runStep(
  line: Line,
  run: LineRun,
  step: StepPlan<RunStore>,
  budget: DiskBudget,
  signal: AbortSignal | undefined,
): Promise<StepDone> {
  const { tally } = line;
  const freedBefore = tally.counts.freedBytes;
  if (step.step === 'temporaries') {
    for (const { store, files } of step.temporaries)
      if (files.length > 0) tally.reclaimed(await removeTemporaries(store.sessionsDir, files));
  } else if (step.step === 'copies') await commitCopies(line, run, step, budget, signal);
  else await archiveChosen(line, run, step.step, step.chosen, budget, signal);
  await run.settle();
  return {
    step: step.step,
    sessions: step.chosen.length,
    files: step.files,
    plannedBytes: step.diskBytes,
    freedBytes: tally.counts.freedBytes - freedBefore,
  };
}

async function archiveChosen(
  { archive }: Line,
  run: LineRun,
  step: ArchivingStep,
  chosen: readonly Chosen<RunStore>[],
  budget: DiskBudget,
  signal: AbortSignal | undefined,
): Promise<void> {
  for await (const round of inRounds(chosen, archive.objects.url)) {
    if (signal?.aborted) return;
    const plans = new Map<ArchivePlan, LineStore>();
    for (const [store, ofStore] of byStore(round)) {
      const stepStore = onStep(store, step, budget);
      plans.set(onlyChosen(await stepStore.plan(), ofStore), stepStore);
    }
    await run.archive(plans);
  }
}

/** Nothing is shipped: the packs are read back, then it is as if they had just been written. */
async function commitCopies(
  { archive, shipper, tally }: Line,
  run: LineRun,
  { chosen, copies }: StepPlan<RunStore>,
  budget: DiskBudget,
  signal: AbortSignal | undefined,
): Promise<void> {
  run.enter({ name: 'proving' });
  const onDamage = (what: string, error: unknown) => tally.problem(what, error);
  const proven = new Set(await proveCopies(archive, shipper, copies, onDamage, signal));
  for (const [store, ofStore] of byStore(chosen)) {
    const sessions = ofStore.flatMap(({ session }) => {
      const copy = copies.find(({ planned }) => planned === session);
      return copy !== undefined && proven.has(copy) ? [copy.committed] : [];
    });
    await run.commit(onStep(store, 'copies', budget), sessions);
  }
}

/** The store as one step sees it: before every commit it plans by that step's own rule. */
function onStep(
  store: RunStore,
  step: Exclude<ReclaimStep, 'temporaries'>,
  { protectedFloorMs }: DiskBudget,
): LineStore {
  return { ...store, plan: async (ownLocks) => planStep(step, await store.look(ownLocks), protectedFloorMs) };
}

function byStore<Store>(chosen: readonly Chosen<Store>[]): Map<Store, Chosen<Store>[]> {
  const map = new Map<Store, Chosen<Store>[]>();
  for (const one of chosen) map.set(one.store, [...(map.get(one.store) ?? []), one]);
  return map;
}

/** Planned anew, since the steps before have taken files away. */
function onlyChosen(plan: ArchivePlan, chosen: readonly Candidate<BudgetStore>[]): ArchivePlan {
  const names = new Set(chosen.map(({ session }) => nameOf(session)));
  const selected = plan.selected.filter((session) => names.has(nameOf(session)));
  return { ...plan, selected };
}

/** What tells sessions of one plan apart: a row by its key, loose files by their first. */
function nameOf({ action, sessionKey, files }: PlannedSession): string {
  return JSON.stringify([action, action === 'files' ? files[0]?.name : sessionKey]);
}

/** The same step of several passes as one. */
function joined(steps: readonly StepDone[]): StepDone[] {
  const sums = new Map<ReclaimStep, StepDone>();
  for (const done of steps) {
    const sum = sums.get(done.step) ?? { sessions: 0, files: 0, plannedBytes: 0, freedBytes: 0 };
    sums.set(done.step, {
      step: done.step,
      sessions: done.sessions + sum.sessions,
      files: done.files + sum.files,
      plannedBytes: done.plannedBytes + sum.plannedBytes,
      freedBytes: done.freedBytes + sum.freedBytes,
    });
  }
  return [...sums.values()];
}
