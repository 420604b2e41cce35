import { randomBytes } from 'node:crypto';
import { type Line, type LineStore, runLine } from './coordinator.ts';
import {
  assertNoGateway,
  findGateway,
  type Installation,
  openArchive,
  planStore,
  workableStores,
} from './installation.ts';
import { runIdAt } from './manifest/keys.ts';
import type { StoreLocation } from './openclaw/discover-stores.ts';
import type { ArchivePlan } from './plan/plan.ts';
import { type Plannable, planStores, type StorePlans } from './plan/plan-stores.ts';
import { RunTally } from './report.ts';
import { sweepLeftovers } from './restore/staging.ts';
import { FileSessionStore } from './sessions/file-session-store.ts';
import { piscinaShipper } from './ship/piscina-shipper.ts';
import type { WorkerSettings } from './ship/task.ts';
import { StoreLock } from './state/store-lock.ts';
import { VERSION } from './version.ts';

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
  /** Stopped by the signal: what was begun is finished by the next run. */
  readonly interrupted: boolean;
  /** A gateway was up: commits were made beside it, and watched. */
  readonly isLive: boolean;
}

/** What a run would do, now. Reads only. */
export function planRun(installation: Installation): Promise<StorePlans<Plannable>> {
  const stores = workableStores(installation);
  return planStores(stores.map((store) => ({ id: store.id, plan: () => planStore(installation, store) })));
}

/** One nightly run over all stores. Holds each store's lock from before the plan until after the last unlink. */
export async function archiveRun(
  installation: Installation,
  options: ArchiveRunOptions,
): Promise<ArchiveRun> {
  const { config, clock } = installation;
  const stores = workableStores(installation);
  const isLive = (await findGateway(installation)).running;
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
  const locks: StoreLock[] = [];
  const shipper = piscinaShipper(settings, config.jobs);
  try {
    const lineStores: LineStore[] = [];
    for (const sessionsDir of new Set(stores.map((store) => store.sessionsDir))) {
      const lock = await StoreLock.acquire(sessionsDir, 'clawback archive', clock.nowMs());
      locks.push(lock);
      await sweepLeftovers(sessionsDir);
      const inFolder = stores.filter((store) => store.sessionsDir === sessionsDir);
      lineStores.push(...inFolder.map((store) => lineStore(installation, store, lock, tally, isLive)));
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
      interrupted,
      isLive,
    };
  } finally {
    await shipper.close();
    for (const lock of locks) await lock.release();
  }
}

function lineStore(
  installation: Installation,
  store: StoreLocation,
  lock: StoreLock,
  { counts }: RunTally,
  isLive: boolean,
): LineStore {
  const onRetry = () => {
    counts.commitRetries += 1;
  };
  return {
    id: store.id,
    sessionsDir: store.sessionsDir,
    sessions: new FileSessionStore(store.storePath, {
      onRetry,
      ...(isLive ? { live: installation.liveTimes } : {}),
    }),
    plan: (ownLocks) => planStore(installation, store, ownLocks),
    assertMayCommit: async () => {
      await lock.assertHeld();
      if (!isLive) await assertNoGateway(installation);
    },
  };
}
