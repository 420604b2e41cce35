import { THAW_TIERS, type ThawTier } from '../objects/cold.ts';
import type { ColdObject } from './cold-objects.ts';
import { THAW_PRICES, TIERS } from './thaw-prices.ts';

/** What a thaw would cost, in US dollars by `THAW_PRICES`, without what leaves AWS; and how long it takes. */
export interface ThawEstimate {
  readonly tier: ThawTier;
  readonly retrievalUsd: number;
  readonly requestsUsd: number;
  /** Of the copies that can be read, for so many days. */
  readonly copiesUsd: number;
  readonly totalUsd: number;
  /** Of the slowest object. */
  readonly takes: string;
  readonly atMostMs: number;
}

const GB = 2 ** 30;
const DAYS_A_MONTH = 30;

/** One for every tier that all of the objects have. Pure. */
export function estimateThaw(
  objects: readonly Pick<ColdObject, 'bytes' | 'storage'>[],
  days: number,
): ThawEstimate[] {
  return THAW_TIERS.flatMap((tier) => {
    let [retrievalUsd, requestsUsd, copiesUsd] = [0, 0, 0];
    let slowest: { takes: string; atMostMs: number } = { takes: '', atMostMs: 0 };
    for (const { bytes, storage } of objects) {
      const price = TIERS[storage][tier];
      if (price === undefined) return [];
      retrievalUsd += (bytes / GB) * price.perGb;
      requestsUsd += price.perThousandRequests / 1000;
      if (TIERS[storage].makesCopy)
        copiesUsd += (bytes / GB) * THAW_PRICES.copyPerGbMonth * (days / DAYS_A_MONTH);
      if (price.atMostMs > slowest.atMostMs) slowest = price;
    }
    const { takes, atMostMs } = slowest;
    const totalUsd = retrievalUsd + requestsUsd + copiesUsd;
    return [{ tier, retrievalUsd, requestsUsd, copiesUsd, totalUsd, takes, atMostMs }];
  });
}
