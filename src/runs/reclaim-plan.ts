import type { Archive } from '../archive/archive.ts';
import { type DiskUse, measureDisk } from '../disk/measure-disk.ts';
import { type ClawbackError, isClawbackError } from '../errors.ts';
import type { FileFolders } from '../manifest/file-place.ts';
import { type Candidate, type Chosen, chooseOldest } from '../plan/choose-oldest.ts';
import type { PlanInput } from '../plan/plan.ts';
import { type ArchivingStep, planStep, type ReclaimStep } from '../plan/reclaim-steps.ts';
import { staleTemporaries } from '../reclaim/stale-temporaries.ts';
import { type ArchivedCopy, findArchivedCopies } from '../recover/archived-copies.ts';
import type { ScannedFile } from '../scan/scan.ts';

/** What the sessions folders may hold, and how far down to free once they hold more. */
export interface DiskBudget {
  readonly maxDiskBytes: number;
  readonly highWaterBytes: number;
  /** Idle time from which protected conversations may go. Absent: none may. */
  readonly protectedFloorMs?: number;
}

/** A store as far as planning for the budget needs it. */
export interface BudgetStore extends FileFolders {
  readonly id: string;
  look(): Promise<PlanInput>;
}

/** What one step frees: by its files' blocks, as they are on the disk now. */
export interface StepPlan<Store> {
  readonly step: ReclaimStep;
  readonly chosen: readonly Chosen<Store>[];
  readonly temporaries: readonly { readonly store: Store; readonly files: readonly ScannedFile[] }[];
  /** Of `chosen`, what the archive holds: in the order of `chosen`, and only of the step `copies`. */
  readonly copies: readonly ArchivedCopy[];
  readonly files: number;
  readonly diskBytes: number;
}

export interface ReclaimPlan<Store> {
  /** Of the stores that could be looked at. */
  readonly use: DiskUse;
  readonly steps: readonly StepPlan<Store>[];
  readonly unplanned: readonly { readonly store: Store; readonly error: ClawbackError }[];
}

export interface PlanReclaimOptions {
  readonly budget: DiskBudget;
  /** Nothing is to be done while the disk holds no more than this. */
  readonly overBytes: number;
  /** Undefined: nothing was ever archived, so nothing can be a copy. */
  readonly archive: Archive | undefined;
  /** Sessions that an earlier pass has tried: they are not chosen again. */
  readonly isTried?: (step: ReclaimStep, candidate: Candidate<BudgetStore>) => boolean;
  readonly signal?: AbortSignal | undefined;
}

const ARCHIVING: readonly ArchivingStep[] = ['orphans', 'trajectories', 'protected'];

/** Everything that a run would do to get below high water, decided before anything is done. Reads only. */
export async function planReclaim<Store extends BudgetStore>(
  stores: readonly Store[],
  { budget, overBytes, archive, isTried = () => false, signal }: PlanReclaimOptions,
): Promise<ReclaimPlan<Store>> {
  const { looks, unplanned } = await lookAtAll(stores);
  const use = await measureDisk(looks.map(({ input }) => input.snapshot));
  if (use.diskBytes <= overBytes) return { use, steps: [], unplanned };

  const steps: StepPlan<Store>[] = [];
  const taken = new Set<ScannedFile>();
  let missing = use.diskBytes - budget.highWaterBytes;
  const add = (step: StepPlan<Store>) => {
    if (step.files === 0) return;
    steps.push(step);
    missing -= step.diskBytes;
  };
  const candidatesOf = (step: ArchivingStep): Candidate<Store>[] =>
    looks.flatMap(({ store, input }) =>
      planStep(step, input, budget.protectedFloorMs).selected.map((session) => ({ store, session })),
    );
  const choose = (step: ReclaimStep, candidates: readonly Candidate<Store>[]) =>
    chooseOldest(
      candidates.filter((one) => !isTried(step, one)),
      missing,
      taken,
    );

  add(temporariesStep(looks));
  if (archive !== undefined && missing > 0) {
    const found: { store: Store; copy: ArchivedCopy }[] = [];
    for (const { store, input } of looks) {
      const plan = planStep('copies', input, budget.protectedFloorMs);
      const search = { storeId: store.id, folders: store, signal };
      found.push(...(await findArchivedCopies(archive, plan, search)).map((copy) => ({ store, copy })));
    }
    const copyOf = new Map(found.map(({ copy }) => [copy.planned, copy]));
    const chosen = choose(
      'copies',
      found.map(({ store, copy }) => ({ store, session: copy.planned })),
    );
    const copies = chosen.flatMap(({ session }) => copyOf.get(session) ?? []);
    add({ ...archivingStep('copies', chosen), copies });
  }
  for (const step of ARCHIVING) add(archivingStep(step, choose(step, candidatesOf(step))));
  return { use, steps, unplanned };
}

/** @throws {ClawbackError} of the first if none can be looked at. */
export async function lookAtAll<Store extends BudgetStore>(stores: readonly Store[]) {
  const looks: { store: Store; input: PlanInput }[] = [];
  const unplanned: { store: Store; error: ClawbackError }[] = [];
  for (const store of stores) {
    try {
      looks.push({ store, input: await store.look() });
    } catch (error) {
      if (!isClawbackError(error)) throw error;
      unplanned.push({ store, error });
    }
  }
  if (looks.length === 0 && unplanned[0] !== undefined) throw unplanned[0].error;
  return { looks, unplanned };
}

function temporariesStep<Store>(
  looks: readonly { readonly store: Store; readonly input: PlanInput }[],
): StepPlan<Store> {
  const temporaries = looks.map(({ store, input }) => ({
    store,
    files: staleTemporaries(input.snapshot, input.nowMs),
  }));
  const files = temporaries.flatMap((one) => one.files);
  const diskBytes = files.reduce((sum, file) => sum + file.diskBytes, 0);
  return { step: 'temporaries', chosen: [], temporaries, copies: [], files: files.length, diskBytes };
}

function archivingStep<Store>(
  step: Exclude<ReclaimStep, 'temporaries'>,
  chosen: readonly Chosen<Store>[],
): StepPlan<Store> {
  const files = chosen.reduce((sum, { session }) => sum + session.files.length, 0);
  const diskBytes = chosen.reduce((sum, one) => sum + one.diskBytes, 0);
  return { step, chosen, temporaries: [], copies: [], files, diskBytes };
}
