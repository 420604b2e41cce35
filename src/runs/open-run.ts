import { randomBytes } from 'node:crypto';
import { ClawbackError } from '../errors.ts';
import type { CommitRoad, RoadName } from '../gateway/commit-road.ts';
import { type Installation, lookAtStore, openArchive, workableStores } from '../installation.ts';
import type { Leases } from '../leases/leases.ts';
import type { Line, LineStore } from '../line/line.ts';
import { runIdAt } from '../manifest/keys.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import { type PlanInput, planArchive } from '../plan/plan.ts';
import { sweepUploads } from '../recover/sweep-uploads.ts';
import { RunTally } from '../report.ts';
import { sweepLeftovers } from '../restore/staging.ts';
import { piscinaShipper } from '../ship/piscina-shipper.ts';
import type { WorkerSettings } from '../ship/task.ts';
import { StoreLock } from '../state/store-lock.ts';
import { VERSION } from '../version.ts';
import { lookForRoad, type RoadStore, storeOnRoad } from './store-roads.ts';
import { takeLeases } from './take-leases.ts';

/** Which road, and why that one. */
export interface RoadTaken {
  readonly name: RoadName;
  readonly why: string;
}

/** A store of a run, for plans of any policy. */
export interface RunStore extends LineStore {
  /** Scans afresh. @param ownLocks as of `plan`. */
  look(ownLocks?: ReadonlySet<string>): Promise<PlanInput>;
}

/** All that a run works with: each store locked and leased, the archive open, worker threads at hand. */
export interface OpenRun {
  readonly runId: string;
  readonly line: Line & { readonly stores: readonly RunStore[] };
  /** How rows are changed. */
  readonly road: RoadTaken;
}

export interface OpenRunOptions {
  /** For whoever finds a store locked: `clawback archive`. */
  readonly command: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: Line['onProgress'];
  /** Told of a lease that could not be given back: other hosts then wait until it has expired. The run is none the worse. */
  readonly onLeaseStuck?: ((storeId: string, error: unknown) => void) | undefined;
}

/** Opens a run over all stores, and closes it whatever comes of it. Each store is locked, and its lease held, from before its plan until after the last unlink. */
export async function withOpenRun<T>(
  installation: Installation,
  options: OpenRunOptions,
  body: (run: OpenRun) => Promise<T>,
): Promise<T> {
  const stores = workableStores(installation);
  const road = await lookForRoad(installation);
  try {
    return await onRoad(installation, stores, road, options, body);
  } finally {
    road.close();
  }
}

async function onRoad<T>(
  installation: Installation,
  stores: readonly StoreLocation[],
  road: CommitRoad,
  options: OpenRunOptions,
  body: (run: OpenRun) => Promise<T>,
): Promise<T> {
  const { config, clock } = installation;
  const archive = await openArchive(installation, { create: true });
  const runId = runIdAt(clock.nowMs(), randomBytes(4).toString('hex'));
  const mediaDirOf = new Map(stores.map((store) => [store.sessionsDir, store.mediaDir]));
  const tally = new RunTally();
  const roadStore = (store: StoreLocation) =>
    storeOnRoad(installation, road, store, {
      onRetry: () => {
        tally.counts.commitRetries += 1;
      },
      onRejected: (reason) => tally.problem(`commit of store ${store.id}`, rejected(reason)),
    });
  // Closed backwards: who finds a store unlocked finds its lease free.
  const opened: (() => Promise<void>)[] = [];
  try {
    const locked: (readonly [StoreLocation, StoreLock])[] = [];
    for (const [sessionsDir, mediaDir] of mediaDirOf) {
      const lock = await StoreLock.acquirePatiently(sessionsDir, options.command, clock.nowMs());
      opened.push(() => lock.release());
      await sweepLeftovers(sessionsDir, mediaDir);
      const inFolder = stores.filter((store) => store.sessionsDir === sessionsDir);
      locked.push(...inFolder.map((store) => [store, lock] as const));
    }
    const storeIds = stores.map(({ id }) => id);
    const leases = await takeLeases(installation, archive, storeIds, {
      command: options.command,
      runId,
      signal: options.signal,
      ...(options.onLeaseStuck ? { onStuck: options.onLeaseStuck } : {}),
    });
    opened.push(() => leases.release());
    const settings: WorkerSettings = {
      archive: { url: config.archive, s3: config.s3 },
      engine: config.compression.engine,
      level: config.compression.level,
      verify: config.verify,
      tool: `clawback/${VERSION}`,
      instance: archive.instance,
      runId,
      lease: leases.pass,
    };
    const shipper = piscinaShipper(settings, config.jobs);
    opened.push(() => shipper.close());
    await sweepUploads(archive, { ownId: leases.pass.id, revisions: false, signal: options.signal });
    const line = {
      stores: locked.map(([store, lock]) => runStore(installation, store, lock, leases, roadStore(store))),
      archive,
      leases,
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
    };
    return await body({ runId, line, road: { name: road.name, why: road.why } });
  } finally {
    for (const close of opened.reverse()) await close();
  }
}

function runStore(
  installation: Installation,
  { id, sessionsDir, ...place }: StoreLocation,
  lock: StoreLock,
  leases: Leases,
  { sessions, active, assertMayCommit }: RoadStore,
): RunStore {
  const location = { id, sessionsDir, ...place };
  const look = async (ownLocks: ReadonlySet<string> = new Set()) =>
    lookAtStore(installation, location, { active: await active(), ownLocks });
  return {
    id,
    sessionsDir,
    sessions,
    mediaDir: place.mediaDir,
    look,
    plan: async (ownLocks) => planArchive(await look(ownLocks)),
    retiresTombstones: installation.config.retention.protectedRemoveAfterMs !== undefined,
    assertMayCommit: async () => {
      await lock.assertHeld();
      await assertMayCommit();
      await leases.assertHeld(id);
    },
  };
}

/** Nothing is lost, but it would be the same tomorrow: somebody has to look. */
function rejected(reason: string): ClawbackError {
  return new ClawbackError('gateway-denied', `change rows through the gateway: it refused: ${reason}`, {
    hint: 'the plugin must read the same archive: give the gateway the same clawback.json, CLAWBACK_* and credentials',
  });
}
