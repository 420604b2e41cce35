import { ClawbackError, isClawbackError, toErrorData } from '../errors.ts';
import type { Manifest } from '../manifest/manifest.ts';
import type { Marks } from '../marks/marks.ts';
import type { ArchivePlan, PlannedSession } from '../plan/plan.ts';
import { planStores } from '../plan/plan-stores.ts';
import { type Phase, RunProgress } from '../progress.ts';
import { ARCHIVE_DAMAGE } from '../recover/damage.ts';
import { unfinishedSessions } from '../recover/unfinished.ts';
import { type Batch, type BatchOptions, makeBatches } from '../ship/batches.ts';
import { inGroups } from '../ship/in-groups.ts';
import type { CommittedSession } from '../tombstone/committed.ts';
import { ChangedRows } from './changed-rows.ts';
import { Committing } from './committing.ts';
import type { Line, LineStore } from './line.ts';

export type Plans = ReadonlyMap<ArchivePlan, LineStore>;

interface PlannedBatch {
  readonly batch: Batch;
  readonly store: LineStore;
}

interface ShippedBatch extends PlannedBatch {
  readonly sessions: readonly CommittedSession[];
}

/**
 * One run of the line, over any number of plans: ship → recheck → tombstone → reclaim for every batch that is ready,
 * once more for rows that had changed by then, and at last one catalogue object.
 */
export class LineRun {
  readonly #line: Line;
  readonly #signal: AbortSignal | undefined;
  readonly #committing: Committing;
  readonly #changed = new ChangedRows();
  readonly #progress: RunProgress;
  /** Batches of which something was stored. */
  readonly #batchIds: string[] = [];
  #batches = 0;

  constructor(line: Line, signal: AbortSignal | undefined) {
    this.#line = line;
    this.#signal = signal;
    this.#committing = new Committing(line.tally);
    this.#progress = new RunProgress(line.batching.runId, line.onProgress);
  }

  /**
   * A manifest without a catalogue line is a run that died after its commit record: its rows and files may still be
   * here. What is forgotten by now stays as it is here: its copy in the archive is about to go.
   */
  async finishEarlierRuns(): Promise<void> {
    const line = this.#line;
    const batchIds = await line.archive.uncataloguedBatchIds(this.#signal);
    // Where nobody knows what is forgotten, no pack need be read.
    if (batchIds.length > 0 && (await this.#marks()) === undefined) return;
    for (const batchId of batchIds) {
      try {
        const whole = await line.archive.manifestIfAny(batchId, this.#signal);
        // gc has deleted it since it was listed: it was empty.
        if (whole === undefined) continue;
        const store = line.stores.find(({ id }) => id === whole.source.storeId);
        // A batch without sessions is one that gc has emptied and not deleted yet.
        if (store === undefined || whole.sessions.length === 0) continue;
        await this.#proveAgain(whole);
        // That may have taken an hour, in which somebody has forgotten one of them.
        const marks = await this.#marks();
        if (marks === undefined) return;
        const kept = whole.sessions.filter(({ archiveId }) => !marks.isForgotten(archiveId));
        const manifest = { ...whole, sessions: kept };
        const sessions = await unfinishedSessions(manifest, store, line.batching.keepModelRunFiles);
        line.tally.recovering(sessions);
        await this.commit(store, sessions);
        this.#batchIds.push(batchId);
      } catch (error) {
        // A damaged batch must not keep all others from being archived, night after night: it is reported, and stays.
        if (!(error instanceof ClawbackError) || !ARCHIVE_DAMAGE.has(error.code)) throw error;
        line.tally.problem(`batch ${batchId} of an earlier run`, error);
      }
    }
  }

  /** For whoever watches: what is done until the next batch is begun. */
  enter(phase: Phase): void {
    this.#progress.enter(phase);
  }

  /** For whoever watches: what all that is still to be archived will be. */
  expect(planned: readonly PlannedSession[]): void {
    this.#progress.expect(planned);
  }

  /** Archives what the plans select, changes the rows, and frees the files or has them wait. */
  async archive(plans: Plans): Promise<void> {
    this.#changed.forgetPlanned(plans);
    await this.#shipAndCommit(plans, false);
  }

  /** The second half for sessions that are in the archive already: nothing is shipped. */
  async commit(store: LineStore, sessions: readonly CommittedSession[]): Promise<void> {
    this.#changed.add(store, await this.#committing.commit(store, sessions));
  }

  /** Waits until no row that was changed can come back, and frees the files that waited for that. */
  async settle(): Promise<void> {
    let hasWaited = false;
    await this.#committing.settle(this.#signal, (leftMs) => {
      hasWaited = true;
      this.enter({ name: 'settling', leftMs });
    });
    if (hasWaited) this.#progress.resume();
  }

  /** Stopped by the signal, what is left is the next run's: without a catalogue it looks at these batches again. */
  async finish(): Promise<void> {
    if (this.#changed.isAny && !this.#signal?.aborted) await this.#onceMore();
    this.#line.tally.abandoned(this.#changed.all);
    await this.settle();
    if (!this.#signal?.aborted)
      await this.#writeCatalogue(this.#batchIds.filter((id) => this.#committing.isFinished(id)));
  }

  /** Files that still wait go back to their places. Whatever comes of a run, this is its end. */
  async giveBack(): Promise<void> {
    await this.#committing.giveBack();
  }

  /** Undefined: nobody knows what is forgotten, so nothing that was begun is finished. */
  async #marks(): Promise<Marks | undefined> {
    const { archive, tally } = this.#line;
    try {
      return await archive.marks(this.#signal ? { signal: this.#signal } : {});
    } catch (error) {
      if (!isClawbackError(error) || error.code !== 'mark-unreadable') throw error;
      tally.problem('batches of an earlier run', error);
      return undefined;
    }
  }

  /** Long may have passed since the manifest was written: its packs are proven once more before anything goes. */
  async #proveAgain(manifest: Manifest): Promise<void> {
    const files = manifest.sessions.flatMap((session) => session.files);
    for (const pack of manifest.packs) await this.#line.shipper.verify(pack, files, this.#signal);
  }

  /**
   * OpenClaw's first full save rewrites derived fields into every row, whatever its age: such rows are others by the
   * time they are archived. They are planned and archived a second time, and no more than that.
   */
  async #onceMore(): Promise<void> {
    try {
      const { plans } = await planStores(this.#changed.stores);
      const narrowed = new Map([...plans].map(([plan, store]) => [this.#changed.narrow(plan, store), store]));
      this.#changed.forgetPlanned(narrowed);
      await this.#shipAndCommit(narrowed, true);
    } catch (error) {
      // The first round stands: its rows have yet to settle, and it gets its catalogue.
      if (!isClawbackError(error)) throw error;
      this.#line.tally.problem('a second look at rows that had changed', error);
    }
  }

  async #shipAndCommit(plans: Plans, isAgain: boolean): Promise<void> {
    const batches = batchesOf(plans, this.#line.batching, this.#batches + 1);
    this.#batches += batches.length;
    // What is archived a second time was counted the first time.
    const progress = isAgain ? undefined : this.#progress;
    progress?.begin(batches.map(({ batch }) => batch));
    for await (const group of inGroups(batches.map((one) => this.#ship(one, progress)))) {
      for (const store of new Set(group.map((shipped) => shipped.store))) {
        const ofStore = group.filter((shipped) => shipped.store === store);
        await this.commit(
          store,
          ofStore.flatMap(({ sessions }) => sessions),
        );
      }
      const stored = group.filter(({ sessions }) => sessions.length > 0);
      this.#batchIds.push(...stored.map(({ batch }) => batch.task.batchId));
      progress?.ended(group.map(({ batch }) => batch));
    }
  }

  /** A batch that fails is counted, and leaves everything local as it was. */
  async #ship({ batch, store }: PlannedBatch, progress: RunProgress | undefined): Promise<ShippedBatch> {
    const { shipper, tally } = this.#line;
    try {
      const onBytes = (bytes: number) => progress?.underWay(batch, bytes);
      const report = await shipper.ship(batch.task, this.#signal, onBytes);
      tally.shipped(batch, report, progress === undefined);
      const sessions = report.shipped.flatMap(({ index, files }) => {
        const entry = batch.task.sessions[index]?.entry;
        return entry === undefined ? [] : [{ entry, files }];
      });
      return { batch, store, sessions };
    } catch (error) {
      if (!this.#signal?.aborted) tally.failed(batch, toErrorData(error));
      return { batch, store, sessions: [] };
    }
  }

  /** The last step, and the mark of a finished run. Without it the next run looks at these batches again. */
  async #writeCatalogue(batchIds: readonly string[]): Promise<void> {
    if (batchIds.length === 0) return;
    const { archive, batching, leases, level, tally } = this.#line;
    try {
      await leases.assertHeld();
      const manifests = archive.eachManifest(batchIds);
      tally.counts.storedBytes += await archive.writeCatalogue(batching.runId, manifests, level);
      tally.counts.objects += 1;
    } catch (error) {
      tally.problem('the catalogue of this run', error);
    }
  }
}

function batchesOf(plans: Plans, options: BatchOptions, firstSequence: number): PlannedBatch[] {
  const batches: PlannedBatch[] = [];
  for (const [plan, store] of plans) {
    const ofPlan = makeBatches(plan, options, firstSequence + batches.length);
    batches.push(...ofPlan.map((batch) => ({ batch, store })));
  }
  return batches;
}
