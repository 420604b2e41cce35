import type { Archive } from './archive/archive.ts';
import { ClawbackError, type ErrorCode, toErrorData } from './errors.ts';
import type { Manifest } from './manifest/manifest.ts';
import type { ArchivePlan } from './plan/plan.ts';
import { planStores } from './plan/plan-stores.ts';
import { reclaim } from './reclaim/reclaim.ts';
import { unfinishedSessions } from './recover/unfinished.ts';
import type { RunTally } from './report.ts';
import { retireTombstones } from './retire/retire-tombstones.ts';
import type { OnBrokenBatch } from './retire/still-archived.ts';
import { sweepStrayStubs } from './retire/sweep-stubs.ts';
import type { SessionStore } from './sessions/session-store.ts';
import { type Batch, type BatchOptions, makeBatches } from './ship/batches.ts';
import { inGroups } from './ship/in-groups.ts';
import type { Shipper } from './ship/shipper.ts';
import type { CommittedSession } from './tombstone/committed.ts';
import { recheck } from './tombstone/recheck.ts';
import { Tombstoned } from './tombstone/tombstone-rows.ts';

/** One store that a run works on. */
export interface LineStore {
  readonly id: string;
  readonly sessionsDir: string;
  readonly sessions: SessionStore;
  /** Scans and plans afresh: before the run, and again before every commit. */
  plan(): Promise<ArchivePlan>;
  /** Whether tombstones of conversations that were archived long ago go too. */
  readonly retiresTombstones: boolean;
  /** @throws {ClawbackError} if a gateway has come up or our lock is gone: then nothing may be committed. */
  assertMayCommit(): Promise<void>;
}

export interface Line {
  readonly stores: readonly LineStore[];
  readonly archive: Archive;
  readonly shipper: Shipper;
  readonly tally: RunTally;
  readonly batching: BatchOptions;
  readonly level: number;
  /** Told of every step that ends, for progress. */
  readonly onProgress?: (sessionsDone: number, sessionsTotal: number) => void;
}

/**
 * The archive line: what earlier runs left is finished, then ship → recheck → tombstone → reclaim for every
 * batch that is ready, and at last one catalogue object.
 */
export async function runLine(line: Line, signal?: AbortSignal): Promise<ArchivePlan[]> {
  const manifestIds = await finishEarlierRuns(line, signal);
  await sweep(line);
  const { plans, unplanned } = await planStores(line.stores);
  for (const { store, error } of unplanned) line.tally.problem(`store ${store.id}`, error);
  for (const [plan, store] of plans) await retire(line, store, plan, signal);
  const batches: Batch[] = [];
  for (const plan of plans.keys()) batches.push(...makeBatches(plan, line.batching, batches.length + 1));

  const total = batches.reduce((sum, batch) => sum + batch.planned.length, 0);
  let done = 0;
  for await (const group of inGroups(batches.map((batch) => shipOne(line, batch, signal)))) {
    for (const [plan, store] of plans) {
      const ofStore = group.filter(({ batch }) => batch.plan === plan);
      const sessions = ofStore.flatMap((shipped) => shipped.sessions);
      if (await commit(line, store, sessions)) manifestIds.push(...manifestIdsOf(ofStore));
      done += ofStore.reduce((sum, { batch }) => sum + batch.planned.length, 0);
    }
    line.onProgress?.(done, total);
  }
  if (!signal?.aborted) await writeCatalogue(line, manifestIds);
  return [...plans.keys()];
}

/** What a run left that died while it removed tombstones. A store that cannot be planned is reported with its plan. */
async function sweep({ stores, tally }: Line): Promise<void> {
  const { plans } = await planStores(stores.filter(({ retiresTombstones }) => retiresTombstones));
  for (const [plan, store] of plans) {
    try {
      await sweepStrayStubs(store, plan);
    } catch (error) {
      tally.problem(`left-over stub transcripts of store ${store.id}`, error);
    }
  }
}

/** Removes tombstones that are due. A failure here keeps no conversation from being archived. */
async function retire(line: Line, store: LineStore, plan: ArchivePlan, signal?: AbortSignal): Promise<void> {
  if (plan.retired.length === 0) return;
  const { archive, tally } = line;
  const onBroken: OnBrokenBatch = (what, error) => tally.problem(what, error);
  try {
    tally.retired(await retireTombstones(store, archive, plan, onBroken, signal));
  } catch (error) {
    if (!signal?.aborted) tally.problem(`tombstones of store ${store.id}`, error);
  }
}

/** Batches of which something was stored. */
function manifestIdsOf(shipped: readonly ShippedBatch[]): string[] {
  return shipped.flatMap(({ batch, sessions }) => (sessions.length > 0 ? [batch.task.batchId] : []));
}

interface ShippedBatch {
  readonly batch: Batch;
  readonly sessions: readonly CommittedSession[];
}

/** A batch that fails is counted, and leaves everything local as it was. */
async function shipOne(line: Line, batch: Batch, signal?: AbortSignal): Promise<ShippedBatch> {
  try {
    const report = await line.shipper.ship(batch.task, signal);
    line.tally.shipped(batch, report);
    const sessions = report.shipped.flatMap(({ index, files }) => {
      const entry = batch.task.sessions[index]?.entry;
      return entry === undefined ? [] : [{ entry, files }];
    });
    return { batch, sessions };
  } catch (error) {
    if (!signal?.aborted) line.tally.failed(batch, toErrorData(error));
    return { batch, sessions: [] };
  }
}

/**
 * Looks again, changes the rows, frees the files. Files that need no row changed go first: on a full disk they
 * make the room that rewriting the store takes. Returns false, with the reason in the tally, if the store
 * could not be changed or a file not removed: the sessions are in the archive, and the next run finishes them.
 */
async function commit(line: Line, store: LineStore, sessions: readonly CommittedSession[]): Promise<boolean> {
  if (sessions.length === 0) return true;
  try {
    await store.assertMayCommit();
    const checked = recheck(sessions, await store.plan());
    const rowless = Tombstoned.withoutRows(store.sessionsDir, checked);
    const first = await reclaim(rowless);
    line.tally.tombstoned(rowless, first);
    const tombstoned = await Tombstoned.commit(store.sessions, store.sessionsDir, checked);
    const second = await reclaim(tombstoned);
    line.tally.tombstoned(tombstoned, second);
    return [...first.left, ...second.left].every(({ isFailure }) => !isFailure);
  } catch (error) {
    line.tally.uncommitted(sessions, toErrorData(error));
    return false;
  }
}

/** A manifest without a catalogue line is a run that died after its commit record: its rows and files may still be here. */
async function finishEarlierRuns(line: Line, signal?: AbortSignal): Promise<string[]> {
  const finished: string[] = [];
  for (const batchId of await line.archive.uncataloguedBatchIds(signal)) {
    try {
      const manifest = await line.archive.manifest(batchId, signal);
      const store = line.stores.find(({ id }) => id === manifest.source.storeId);
      if (store === undefined) continue;
      await proveAgain(line, manifest, signal);
      const sessions = await unfinishedSessions(manifest, store.sessionsDir, line.batching.keepModelRunFiles);
      const before = line.tally.finishedSessions;
      if (await commit(line, store, sessions)) finished.push(batchId);
      line.tally.counts.recoveredSessions += line.tally.finishedSessions - before;
    } catch (error) {
      // A damaged batch must not keep all others from being archived, night after night: it is reported, and stays.
      if (!(error instanceof ClawbackError) || !DAMAGE.has(error.code)) throw error;
      line.tally.problem(`batch ${batchId} of an earlier run`, error);
    }
  }
  return finished;
}

const DAMAGE = new Set<ErrorCode>([
  'manifest-invalid',
  'manifest-newer',
  'object-corrupt',
  'object-not-found',
  'frame-corrupt',
]);

/** Long may have passed since the manifest was written: its packs are proven once more before anything goes. */
async function proveAgain(line: Line, manifest: Manifest, signal?: AbortSignal): Promise<void> {
  const files = manifest.sessions.flatMap((session) => session.files);
  for (const pack of manifest.packs) await line.shipper.verify(pack, files, signal);
}

/** The last step, and the mark of a finished run. Without it the next run looks at these batches again. */
async function writeCatalogue(line: Line, batchIds: readonly string[]): Promise<void> {
  if (batchIds.length === 0) return;
  try {
    const manifests = line.archive.eachManifest(batchIds);
    line.tally.counts.storedBytes += await line.archive.writeCatalogue(
      line.batching.runId,
      manifests,
      line.level,
    );
    line.tally.counts.objects += 1;
  } catch (error) {
    line.tally.problem('the catalogue of this run', error);
  }
}
