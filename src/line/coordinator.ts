import type { ArchivePlan } from '../plan/plan.ts';
import { planStores } from '../plan/plan-stores.ts';
import { retireTombstones } from '../retire/retire-tombstones.ts';
import type { OnBrokenBatch } from '../retire/still-archived.ts';
import { sweepStrayStubs } from '../retire/sweep-stubs.ts';
import type { Line, LineStore } from './line.ts';
import { LineRun } from './line-run.ts';

/** The archive line: what earlier runs left is finished, tombstones that are due go, then all that the plans select. */
export function runLine(line: Line, signal?: AbortSignal): Promise<ArchivePlan[]> {
  return withLineRun(line, signal, async (run) => {
    run.enter({ name: 'planning' });
    await sweep(line);
    const { plans, unplanned } = await planStores(line.stores);
    for (const { store, error } of unplanned) line.tally.problem(`store ${store.id}`, error);
    for (const [plan, store] of plans) await retire(line, store, plan, signal);
    await run.archive(plans);
    return [...plans.keys()];
  });
}

/** Whatever the body archives, a run begins with what earlier ones left and ends with its catalogue. */
export async function withLineRun<T>(
  line: Line,
  signal: AbortSignal | undefined,
  body: (run: LineRun) => Promise<T>,
): Promise<T> {
  const run = new LineRun(line, signal);
  try {
    await run.finishEarlierRuns();
    const result = await body(run);
    await run.finish();
    return result;
  } finally {
    await run.giveBack();
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
