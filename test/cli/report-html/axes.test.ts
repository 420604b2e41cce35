import { describe, expect, it } from 'vitest';
import { timeAxis, valueAxis } from '../../../src/cli/report-html/axes.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const END_MS = Date.parse('2026-11-21T04:30:00Z');
const valueLabels = (max: number, unit: 'count' | 'bytes') =>
  valueAxis(max, unit, [200, 0]).ticks.map(({ label }) => label);
const timeLabels = (spanMs: number) =>
  timeAxis(END_MS - spanMs, END_MS, [0, 400])
    .ticks.map(({ label }) => label)
    .filter(Boolean);

describe('the axis of values', () => {
  it.each([
    [0, 'bytes', ['0 B']],
    [1, 'bytes', ['0 B', '1 B']],
    [300 * 2 ** 20, 'bytes', ['0 MB', '100 MB', '200 MB', '300 MB']],
    [0, 'count', ['0']],
    [3, 'count', ['0', '1', '2', '3']],
    [1234, 'count', ['0', '500', '1,000', '1,500']],
  ] as const)('up to %d %s reads %j', (max, unit, labels) => expect(valueLabels(max, unit)).toEqual(labels));

  it('changes its unit before its labels get long', () => {
    expect(valueLabels(790 * 2 ** 20, 'bytes').at(-1)).toBe('800 MB');
    expect(valueLabels(1000 * 2 ** 20, 'bytes').at(-1)).toBe('1 GB');
    for (let power = 0; power < 49; power += 0.25)
      for (const label of valueLabels(2 ** power, 'bytes')) expect(label).toMatch(/^[\d.]{1,4} [KMGT]?B$/);
  });

  it('begins at nothing, and ends above the largest value', () => {
    for (const max of [1, 7, 99, 12_345, 3 * 2 ** 30]) {
      const axis = valueAxis(max, 'bytes', [200, 0]);
      expect(axis.at(0)).toBe(200);
      expect(axis.at(max)).toBeGreaterThanOrEqual(0);
      expect(axis.at(max)).toBeLessThan(100);
    }
  });
});

describe('the axis of time', () => {
  it.each([
    ['a single moment', 0],
    ['an hour', HOUR_MS],
    ['a day', DAY_MS],
    ['three nights', 3 * DAY_MS],
    ['a fortnight', 14 * DAY_MS],
    ['sixty nights', 60 * DAY_MS],
    ['a year', 365 * DAY_MS],
    ['ten years', 3650 * DAY_MS],
  ])('over %s has a few different labels', (_what, spanMs) => {
    const labels = timeLabels(spanMs);
    expect(labels.length).toBeGreaterThanOrEqual(2);
    expect(labels.length).toBeLessThanOrEqual(6);
    expect(new Set(labels).size).toBe(labels.length);
  });

  it('is in UTC, as exact as its steps', () => {
    expect(timeLabels(12 * HOUR_MS)).toContain('Nov 21');
    expect(timeLabels(12 * HOUR_MS)).toContain('03:00');
    expect(timeLabels(60 * DAY_MS)).toEqual(['Sep 27', 'Oct 11', 'Oct 25', 'Nov 8']);
    expect(timeLabels(365 * DAY_MS)).toContain('Jan 2026');
    expect(timeLabels(3650 * DAY_MS)).toContain('2020');
  });

  it('has a single moment in its middle', () => {
    expect(timeAxis(END_MS, END_MS, [0, 400]).at(END_MS)).toBe(200);
  });
});
