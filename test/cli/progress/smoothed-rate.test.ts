import { describe, expect, it } from 'vitest';
import { SmoothedRate } from '../../../src/cli/progress/smoothed-rate.ts';

/** Told of these totals, a second apart. */
function rateOf(...totals: number[]): SmoothedRate {
  const rate = new SmoothedRate();
  for (const [second, total] of totals.entries()) rate.add(second * 1000, total);
  return rate;
}

describe('a smoothed rate', () => {
  it('is not known in the first second', () => {
    expect(new SmoothedRate().perSecond).toBeUndefined();
    expect(rateOf(7).perSecond).toBeUndefined();
    const rate = rateOf(0);
    rate.add(999, 1000);
    expect(rate.perSecond).toBeUndefined();
  });

  it('of a steady flow is that flow, from the first second on', () => {
    expect(rateOf(0, 50).perSecond).toBeCloseTo(50);
    expect(rateOf(0, 50, 100, 150).perSecond).toBeCloseTo(50);
  });

  it('does not jump with a burst, and follows a change in the end', () => {
    const steady = Array.from({ length: 60 }, (_value, n) => 10 * n);
    const burst = rateOf(...steady, 10 * 59 + 200).perSecond ?? 0;
    expect(burst).toBeGreaterThan(10);
    expect(burst).toBeLessThan(25);
    const faster = Array.from({ length: 120 }, (_value, n) => 590 + 100 * (n + 1));
    expect(rateOf(...steady, ...faster).perSecond).toBeGreaterThan(95);
  });

  it('goes down while nothing comes', () => {
    expect(rateOf(0, 100, 100, 100, 100).perSecond).toBeLessThan(40);
  });

  it('is never negative: a batch may begin anew, and a clock be set back', () => {
    const rate = rateOf(0, 100, 40);
    expect(rate.perSecond).toBeGreaterThan(0);
    rate.add(-3_600_000, 60);
    rate.add(-3_599_000, 80);
    expect(rate.perSecond).toBeGreaterThan(0);
    expect(rate.perSecond).toBeLessThan(100);
  });
});
