import { randomBytes } from 'node:crypto';
import { type Line, type LineStore, runLine } from './coordinator.ts';
import { ClawbackError } from './errors.ts';
import type { CommitRoad, RoadName } from './gateway/commit-road.ts';
import { type Installation, openArchive, planStore, workableStores } from './installation.ts';
import { runIdAt } from './manifest/keys.ts';
import type { StoreLocation } from './openclaw/discover-stores.ts';
import type { ArchivePlan } from './plan/plan.ts';
import { type Plannable, planStores, type StorePlans } from './plan/plan-stores.ts';
import { RunTally } from './report.ts';
import { sweepLeftovers } from './restore/staging.ts';
import { piscinaShipper } from './ship/piscina-shipper.ts';
import type { WorkerSettings } from './ship/task.ts';
import { StoreLock } from './state/store-lock.ts';
import { lookForRoad, type RoadStore, storeOnRoad, takeRoad } from './store-roads.ts';
import { VERSION } from './version.ts';

export interface ArchiveRunOptions {
  readonly allowLiveGateway: boolean;
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

/** Which road, and why that one. */
export interface RoadTaken {
  readonly name: RoadName;
  readonly why: string;
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
  const { active } =
    road === undefined
      ? { active: async () => undefined }
      : storeOnRoad(installation, road, store, { allowLiveGateway: false });
  return { id: store.id, plan: async () => planStore(installation, store, await active()) };
}

/** One nightly run over all stores. Holds each store's lock from before the plan until after the last unlink. */
export async function archiveRun(
  installation: Installation,
  options: ArchiveRunOptions,
): Promise<ArchiveRun> {
  const stores = workableStores(installation);
  const road = await takeRoad(installation, options.allowLiveGateway);
  try {
    return await runOnRoad(installation, stores, road, options);
  } finally {
    road.close();
  }
}

async function runOnRoad(
  installation: Installation,
  stores: readonly StoreLocation[],
  road: CommitRoad,
  options: ArchiveRunOptions,
): Promise<ArchiveRun> {
  const { config, clock } = installation;
  const archive = await openArchive(installation, { create: true });
  const runId = runIdAt(clock.nowMs(), randomBytes(4).toString('hex'));
  const settings: WorkerSettings = {
    archive: { url: config.archive, s3: config.s3 },
    engine: config.compression.engine,
    level: config.compression.level,
    verify: config.verify,
    tool: `clawback/${VERSION}`,
    instance: archive.instance,
    runId,
  };
  const tally = new RunTally();
  const roadStore = (store: StoreLocation) =>
    storeOnRoad(installation, road, store, {
      allowLiveGateway: options.allowLiveGateway,
      onRejected: (reason) => tally.problem(`commit of store ${store.id}`, rejected(reason)),
    });
  const locks: StoreLock[] = [];
  const shipper = piscinaShipper(settings, config.jobs);
  try {
    const lineStores: LineStore[] = [];
    for (const sessionsDir of new Set(stores.map((store) => store.sessionsDir))) {
      const lock = await StoreLock.acquirePatiently(sessionsDir, 'clawback archive', clock.nowMs());
      locks.push(lock);
      await sweepLeftovers(sessionsDir);
      const inFolder = stores.filter((store) => store.sessionsDir === sessionsDir);
      lineStores.push(...inFolder.map((store) => lineStore(installation, store, lock, roadStore(store))));
    }
    // With --agent another archiver of this instance may be uploading for another agent at this moment.
    if (installation.agents === undefined)
      await archive.objects.abortStaleUploads(`${archive.instance}/`, options.signal);
    const plans = await runLine(
      {
        stores: lineStores,
        archive,
        shipper,
        tally,
        level: config.compression.level,
        batching: {
          runId,
          jobs: config.jobs,
          stub: config.tombstone.stub,
          keepModelRunFiles: config.modelRun.keepTranscripts,
        },
        ...(options.onProgress ? { onProgress: options.onProgress } : {}),
      },
      options.signal,
    );
    const interrupted = options.signal?.aborted ?? false;
    return {
      runId,
      instance: archive.instance,
      archiveUrl: archive.objects.url,
      plans,
      tally,
      road: { name: road.name, why: road.why },
      interrupted,
    };
  } finally {
    await shipper.close();
    for (const lock of locks) await lock.release();
  }
}

function lineStore(
  installation: Installation,
  { id, sessionsDir, ...place }: StoreLocation,
  lock: StoreLock,
  { sessions, active, assertMayCommit }: RoadStore,
): LineStore {
  return {
    id,
    sessionsDir,
    sessions,
    plan: async () => planStore(installation, { id, sessionsDir, ...place }, await active()),
    assertMayCommit: async () => {
      await lock.assertHeld();
      await assertMayCommit();
    },
  };
}

/** Nothing is lost, but it would be the same tomorrow: somebody has to look. */
function rejected(reason: string): ClawbackError {
  return new ClawbackError('gateway-denied', `change rows through the gateway: it refused: ${reason}`, {
    hint: 'the plugin must read the same archive: give the gateway the same clawback.json, CLAWBACK_* and credentials',
  });
}
