import { type ClawbackError, isClawbackError } from '../errors.ts';
import type { ArchivePlan } from './plan.ts';

/** What a run has to do with a store before it does anything. */
export interface Plannable {
  readonly id: string;
  plan(): Promise<ArchivePlan>;
}

export interface StorePlans<Store> {
  readonly plans: ReadonlyMap<ArchivePlan, Store>;
  /** Stores that could not be planned: they stay as they are, the others go on. */
  readonly unplanned: readonly { readonly store: Store; readonly error: ClawbackError }[];
}

/** Plans every store. @throws {ClawbackError} of the first if none could be planned. */
export async function planStores<Store extends Plannable>(
  stores: readonly Store[],
): Promise<StorePlans<Store>> {
  const plans = new Map<ArchivePlan, Store>();
  const unplanned: { store: Store; error: ClawbackError }[] = [];
  for (const store of stores) {
    try {
      plans.set(await store.plan(), store);
    } catch (error) {
      if (!isClawbackError(error)) throw error;
      unplanned.push({ store, error });
    }
  }
  if (plans.size === 0 && unplanned[0] !== undefined) throw unplanned[0].error;
  return { plans, unplanned };
}
