import { describe, expect, test } from 'vitest';
import { COLD_STORAGE } from '../../src/objects/cold.ts';
import { estimateThaw } from '../../src/thaw/estimate-thaw.ts';
import { THAW_PRICES, TIERS } from '../../src/thaw/thaw-prices.ts';

const GB = 2 ** 30;

describe('the cost of a thaw', () => {
  test('is retrieval by the gigabyte, requests by the thousand, and the copies by the day', () => {
    const pack = { bytes: 50 * GB, storage: 'GLACIER' } as const;
    const [expedited, standard, bulk] = estimateThaw([pack, pack], 3);
    expect(expedited).toMatchObject({ tier: 'expedited', takes: '1-5 minutes' });
    expect(expedited?.retrievalUsd).toBeCloseTo(3, 6);
    expect(expedited?.requestsUsd).toBeCloseTo(0.02, 6);
    expect(expedited?.copiesUsd).toBeCloseTo(0.23, 6);
    expect(expedited?.totalUsd).toBeCloseTo(3.25, 6);
    expect(standard).toMatchObject({ tier: 'standard', takes: '3-5 hours' });
    expect(standard?.totalUsd).toBeCloseTo(1 + 0.0001 + 0.23, 6);
    expect(bulk).toMatchObject({ tier: 'bulk', retrievalUsd: 0, requestsUsd: 0 });
  });

  test('of Deep Archive has no expedited tier, and takes up to two days at the lowest price', () => {
    const tiers = estimateThaw([{ bytes: GB, storage: 'DEEP_ARCHIVE' }], 30);
    expect(tiers.map(({ tier, takes }) => [tier, takes])).toEqual([
      ['standard', 'up to 12 hours'],
      ['bulk', 'up to 48 hours'],
    ]);
    expect(tiers[0]?.totalUsd).toBeCloseTo(0.02 + 0.0001 + 0.023, 6);
    expect(tiers[1]?.totalUsd).toBeCloseTo(0.0025 + 0.000025 + 0.023, 6);
  });

  test('of Intelligent-Tiering is nothing, and no copy is made', () => {
    expect(estimateThaw([{ bytes: GB, storage: 'DEEP_ARCHIVE_ACCESS' }], 30)).toMatchObject([
      { tier: 'standard', totalUsd: 0 },
      { tier: 'bulk', totalUsd: 0 },
    ]);
  });

  test('of objects of several classes has the tiers that all have, and the time of the slowest', () => {
    const tiers = estimateThaw(
      [
        { bytes: GB, storage: 'DEEP_ARCHIVE' },
        { bytes: GB, storage: 'GLACIER' },
      ],
      1,
    );
    expect(tiers.map(({ tier, takes }) => [tier, takes])).toEqual([
      ['standard', 'up to 12 hours'],
      ['bulk', 'up to 48 hours'],
    ]);
    expect(tiers[0]?.retrievalUsd).toBeCloseTo(0.03, 6);
  });
});

test('the price table names region, month and sources, and no faster tier costs less than a slower one', () => {
  expect(THAW_PRICES.region).toMatch(/^[a-z]+-[a-z]+-\d$/);
  expect(THAW_PRICES.asOf).toMatch(/^20\d\d-(?:0[1-9]|1[0-2])$/);
  for (const source of THAW_PRICES.sources) expect(new URL(source).protocol).toBe('https:');
  for (const storage of COLD_STORAGE) {
    const totals = estimateThaw([{ bytes: GB, storage }], 1);
    expect(totals.length).toBeGreaterThanOrEqual(2);
    expect([...totals].sort((a, b) => b.totalUsd - a.totalUsd)).toEqual(totals);
    expect([...totals].sort((a, b) => a.atMostMs - b.atMostMs)).toEqual(totals);
    expect(TIERS[storage].standard).toBeDefined();
  }
});
