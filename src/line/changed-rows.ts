import type { ArchivePlan } from '../plan/plan.ts';
import type { Abandoned } from '../tombstone/committed.ts';
import type { LineStore } from './line.ts';

/** Sessions of a run whose rows were others when they were to be changed, by store and key. */
export class ChangedRows {
  readonly #byStore = new Map<LineStore, Map<string, Abandoned>>();

  add(store: LineStore, abandoned: readonly Abandoned[]): void {
    const rows = this.#byStore.get(store) ?? new Map<string, Abandoned>();
    for (const one of abandoned) rows.set(one.session.entry.sessionKey ?? '', one);
    this.#byStore.set(store, rows);
  }

  get all(): readonly Abandoned[] {
    return [...this.#byStore.values()].flatMap((rows) => [...rows.values()]);
  }

  get isAny(): boolean {
    return this.all.length > 0;
  }

  get stores(): readonly LineStore[] {
    return [...this.#byStore].filter(([, rows]) => rows.size > 0).map(([store]) => store);
  }

  /** The plan with nothing selected but these rows. */
  narrow(plan: ArchivePlan, store: LineStore): ArchivePlan {
    const rows = this.#byStore.get(store);
    const selected = plan.selected.filter(
      ({ sessionKey, row }) => row !== null && rows?.has(sessionKey ?? ''),
    );
    return { ...plan, selected };
  }

  /** What a plan selects is going to be archived anew: whatever comes of that is told then. */
  forgetPlanned(plans: ReadonlyMap<ArchivePlan, LineStore>): void {
    for (const [plan, store] of plans) {
      for (const { sessionKey, row } of plan.selected)
        if (row !== null) this.#byStore.get(store)?.delete(sessionKey ?? '');
    }
  }
}
