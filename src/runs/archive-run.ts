import { toErrorData } from '../errors.ts';
import { exitCodeOfError, exitCodeOfRun } from '../exit-code.ts';
import type { CommitRoad } from '../gateway/commit-road.ts';
import { type Installation, planStore, workableStores } from '../installation.ts';
import { runLine } from '../line/coordinator.ts';
import type { Line } from '../line/line.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import type { ArchivePlan } from '../plan/plan.ts';
import { type Plannable, planStores, type StorePlans } from '../plan/plan-stores.ts';
import type { RunTally } from '../report.ts';
import { beginReport } from '../reports/begin-report.ts';
import type { RunReport } from '../reports/run-report.ts';
import { type RoadTaken, withOpenRun } from './open-run.ts';
import { lookForRoad, storeOnRoad } from './store-roads.ts';

export type { RoadTaken } from './open-run.ts';

export interface ArchiveRunOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: Line['onProgress'];
  /** Told why the run has no report, or why it is not kept in the archive. The run itself is none the worse. */
  readonly onReportFailed?: (error: unknown) => void;
  readonly onLeaseStuck?: (storeId: string, error: unknown) => void;
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
  /** What the archive keeps of this run. Undefined if it could not be made. */
  readonly report: RunReport | undefined;
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

/** One nightly run over all stores. Its report is the last that it writes, also if it failed. */
export function archiveRun(installation: Installation, options: ArchiveRunOptions): Promise<ArchiveRun> {
  const startedMs = installation.clock.nowMs();
  return withOpenRun(
    installation,
    { ...options, command: 'clawback archive' },
    async ({ runId, line, road }) => {
      const { archive, tally } = line;
      const begun = { command: 'archive', runId, road: road.name, startedMs } as const;
      const report = await beginReport(installation, archive, begun, options.onReportFailed);
      const isInterrupted = () => options.signal?.aborted ?? false;
      const plans = await runLine(line, options.signal).catch(async (error: unknown) => {
        const { code } = toErrorData(error);
        const exitCode = exitCodeOfError(code);
        await report.end({ plans: [], tally, exitCode, interrupted: isInterrupted(), endedBy: code });
        throw error;
      });
      const interrupted = isInterrupted();
      const exitCode = exitCodeOfRun(tally, interrupted);
      return {
        runId,
        instance: archive.instance,
        archiveUrl: archive.objects.url,
        plans,
        tally,
        road,
        interrupted,
        report: await report.end({ plans, tally, exitCode, interrupted }),
      };
    },
  );
}
