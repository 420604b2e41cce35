import { type Line, runLine } from './coordinator.ts';
import type { CommitRoad } from './gateway/commit-road.ts';
import { type Installation, planStore, workableStores } from './installation.ts';
import { type RoadTaken, withOpenRun } from './open-run.ts';
import type { StoreLocation } from './openclaw/discover-stores.ts';
import type { ArchivePlan } from './plan/plan.ts';
import { type Plannable, planStores, type StorePlans } from './plan/plan-stores.ts';
import type { RunTally } from './report.ts';
import { lookForRoad, storeOnRoad } from './store-roads.ts';

export type { RoadTaken } from './open-run.ts';

export interface ArchiveRunOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: Line['onProgress'];
}

export interface ArchiveRun {
  readonly runId: string;
  readonly instance: string;
  readonly archiveUrl: string;
  readonly plans: readonly ArchivePlan[];
  readonly tally: RunTally;
  /** How rows were changed. */
  readonly road: RoadTaken;
  /** Stopped by the signal: what was begun is finished by the next run. */
  readonly interrupted: boolean;
}

/** What a run would do, now. Reads only. Without `askGateway` a running gateway is not asked which sessions it works on. */
export async function planRun(
  installation: Installation,
  { askGateway = false } = {},
): Promise<StorePlans<Plannable> & { readonly road?: RoadTaken }> {
  const stores = workableStores(installation);
  if (!askGateway) return planStores(stores.map((store) => planned(installation, store)));
  const road = await lookForRoad(installation);
  try {
    const plans = await planStores(stores.map((store) => planned(installation, store, road)));
    return { ...plans, road: { name: road.name, why: road.why } };
  } finally {
    road.close();
  }
}

function planned(installation: Installation, store: StoreLocation, road?: CommitRoad) {
  const plan = async () => {
    const active = road && (await storeOnRoad(installation, road, store).active());
    return planStore(installation, store, active && { active });
  };
  return { id: store.id, plan };
}

/** One nightly run over all stores. */
export function archiveRun(installation: Installation, options: ArchiveRunOptions): Promise<ArchiveRun> {
  return withOpenRun(
    installation,
    { ...options, command: 'clawback archive' },
    async ({ runId, line, road }) => {
      const plans = await runLine(line, options.signal);
      return {
        runId,
        instance: line.archive.instance,
        archiveUrl: line.archive.objects.url,
        plans,
        tally: line.tally,
        road,
        interrupted: options.signal?.aborted ?? false,
      };
    },
  );
}
