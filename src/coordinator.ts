import type { Archive } from './archive/archive.ts';
import { ChangedRows } from './changed-rows.ts';
import { Committing } from './committing.ts';
import { ClawbackError, type ErrorCode, isClawbackError, toErrorData } from './errors.ts';
import type { FileFolders } from './manifest/file-place.ts';
import type { Manifest } from './manifest/manifest.ts';
import { Marks } from './marks/marks.ts';
import type { ArchivePlan } from './plan/plan.ts';
import { planStores } from './plan/plan-stores.ts';
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

/** One store that a run works on. */
export interface LineStore extends FileFolders {
  readonly id: string;
  readonly sessions: SessionStore;
  /**
   * Scans and plans afresh: before the run, and again before every commit.
   * @param ownLocks names of lock files that we hold ourselves: they keep nothing.
   */
  plan(ownLocks?: ReadonlySet<string>): Promise<ArchivePlan>;
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
  /** Told of every step that ends. */
  readonly onProgress?: (progress: Progress) => void;
}

/** How far a run is with what its plan selected. */
export interface Progress {
  readonly sessionsDone: number;
  readonly sessionsTotal: number;
  /** Bytes of their files, as they lie here. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

type Plans = ReadonlyMap<ArchivePlan, LineStore>;

/**
 * The archive line: what earlier runs left is finished, then ship → recheck → tombstone → reclaim for every
 * batch that is ready, once more for rows that had changed by then, and at last one catalogue object.
 */
export async function runLine(line: Line, signal?: AbortSignal): Promise<ArchivePlan[]> {
  const committing = new Committing(line.tally);
  try {
    const changed = new ChangedRows();
    const batchIds = await finishEarlierRuns(line, committing, changed, signal);
    await sweep(line);
    const { plans, unplanned } = await planStores(line.stores);
    for (const { store, error } of unplanned) line.tally.problem(`store ${store.id}`, error);
    for (const [plan, store] of plans) await retire(line, store, plan, signal);
    changed.forgetPlanned(plans);
    const batches = batchesOf(plans, line.batching);
    batchIds.push(...(await shipAndCommit(line, committing, changed, batches, signal)));
    if (changed.isAny && !signal?.aborted)
      batchIds.push(...(await onceMore(line, committing, changed, batches.length + 1, signal)));
    line.tally.abandoned(changed.all);
    await committing.settle(signal);
    if (!signal?.aborted)
      await writeCatalogue(
        line,
        batchIds.filter((id) => committing.isFinished(id)),
      );
    return [...plans.keys()];
  } finally {
    await committing.giveBack();
  }
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

interface PlannedBatch {
  readonly batch: Batch;
  readonly store: LineStore;
}

function batchesOf(plans: Plans, options: BatchOptions, firstSequence = 1): PlannedBatch[] {
  const batches: PlannedBatch[] = [];
  for (const [plan, store] of plans) {
    const ofPlan = makeBatches(plan, options, firstSequence + batches.length);
    batches.push(...ofPlan.map((batch) => ({ batch, store })));
  }
  return batches;
}

function sizeOf(batches: readonly PlannedBatch[]): { sessions: number; bytes: number } {
  const planned = batches.flatMap(({ batch }) => batch.planned);
  const files = planned.flatMap((session) => session.files);
  return { sessions: planned.length, bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

/** Returns the batches of which something was stored. Rows that had changed by then are in `changed`. */
async function shipAndCommit(
  line: Line,
  committing: Committing,
  changed: ChangedRows,
  batches: readonly PlannedBatch[],
  signal: AbortSignal | undefined,
  isAgain = false,
): Promise<string[]> {
  const total = sizeOf(batches);
  const batchIds: string[] = [];
  const done = { sessions: 0, bytes: 0 };
  for await (const group of inGroups(batches.map((one) => shipOne(line, one, signal, isAgain)))) {
    for (const store of new Set(group.map((shipped) => shipped.store))) {
      const sessions = group.filter((shipped) => shipped.store === store).flatMap((one) => one.sessions);
      changed.add(store, await committing.commit(store, sessions));
    }
    batchIds.push(
      ...group.flatMap(({ batch, sessions }) => (sessions.length > 0 ? [batch.task.batchId] : [])),
    );
    const { sessions, bytes } = sizeOf(group);
    done.sessions += sessions;
    done.bytes += bytes;
    if (!isAgain)
      line.onProgress?.({
        sessionsDone: done.sessions,
        sessionsTotal: total.sessions,
        bytesDone: done.bytes,
        bytesTotal: total.bytes,
      });
  }
  return batchIds;
}

/**
 * OpenClaw's first full save rewrites derived fields into every row, whatever its age: such rows are others by the
 * time they are archived. They are planned and archived a second time, and no more than that.
 */
async function onceMore(
  line: Line,
  committing: Committing,
  changed: ChangedRows,
  firstSequence: number,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  try {
    const { plans } = await planStores(changed.stores);
    const narrowed = new Map([...plans].map(([plan, store]) => [changed.narrow(plan, store), store]));
    changed.forgetPlanned(narrowed);
    const batches = batchesOf(narrowed, line.batching, firstSequence);
    return await shipAndCommit(line, committing, changed, batches, signal, true);
  } catch (error) {
    // The first round stands: its rows have yet to settle, and it gets its catalogue.
    if (!isClawbackError(error)) throw error;
    line.tally.problem('a second look at rows that had changed', error);
    return [];
  }
}

interface ShippedBatch extends PlannedBatch {
  readonly sessions: readonly CommittedSession[];
}

/** A batch that fails is counted, and leaves everything local as it was. */
async function shipOne(
  line: Line,
  { batch, store }: PlannedBatch,
  signal: AbortSignal | undefined,
  isAgain: boolean,
): Promise<ShippedBatch> {
  try {
    const report = await line.shipper.ship(batch.task, signal);
    line.tally.shipped(batch, report, isAgain);
    const sessions = report.shipped.flatMap(({ index, files }) => {
      const entry = batch.task.sessions[index]?.entry;
      return entry === undefined ? [] : [{ entry, files }];
    });
    return { batch, store, sessions };
  } catch (error) {
    if (!signal?.aborted) line.tally.failed(batch, toErrorData(error));
    return { batch, store, sessions: [] };
  }
}

/**
 * A manifest without a catalogue line is a run that died after its commit record: its rows and files may still be here.
 * What is forgotten by now stays as it is here: its copy in the archive is about to go.
 */
async function finishEarlierRuns(
  line: Line,
  committing: Committing,
  changed: ChangedRows,
  signal?: AbortSignal,
): Promise<string[]> {
  const batchIds: string[] = [];
  const uncatalogued = await line.archive.uncataloguedBatchIds(signal);
  const marks = await marksFor(line, uncatalogued, signal);
  if (marks === undefined) return batchIds;
  for (const batchId of uncatalogued) {
    try {
      const whole = await line.archive.manifest(batchId, signal);
      const store = line.stores.find(({ id }) => id === whole.source.storeId);
      // A batch without sessions is one that gc has emptied and not deleted yet.
      if (store === undefined || whole.sessions.length === 0) continue;
      await proveAgain(line, whole, signal);
      const kept = whole.sessions.filter(({ archiveId }) => !marks.isForgotten(archiveId));
      const manifest = { ...whole, sessions: kept };
      const sessions = await unfinishedSessions(manifest, store, line.batching.keepModelRunFiles);
      line.tally.recovering(sessions);
      changed.add(store, await committing.commit(store, sessions));
      batchIds.push(batchId);
    } catch (error) {
      // A damaged batch must not keep all others from being archived, night after night: it is reported, and stays.
      if (!(error instanceof ClawbackError) || !DAMAGE.has(error.code)) throw error;
      line.tally.problem(`batch ${batchId} of an earlier run`, error);
    }
  }
  return batchIds;
}

/** Undefined: nobody knows what is forgotten, so nothing that was begun is finished. */
async function marksFor(
  { archive, tally }: Line,
  batchIds: readonly string[],
  signal?: AbortSignal,
): Promise<Marks | undefined> {
  if (batchIds.length === 0) return Marks.fold([]);
  try {
    return await archive.marks(signal ? { signal } : {});
  } catch (error) {
    if (!isClawbackError(error) || error.code !== 'mark-unreadable') throw error;
    tally.problem('batches of an earlier run', error);
    return undefined;
  }
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
