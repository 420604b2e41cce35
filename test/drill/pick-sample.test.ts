import { describe, expect, it } from 'vitest';
import { pickSample } from '../../src/drill/pick-sample.ts';
import { seededRandom } from '../support/random.ts';

describe('a sample', () => {
  it('has as many different items as were asked for, in their old order', () => {
    const items = Array.from({ length: 50 }, (_, n) => n);
    const picked = pickSample(items, 7, seededRandom(1));
    expect(new Set(picked).size).toBe(7);
    expect(picked).toEqual([...picked].sort((a, b) => a - b));
    expect(pickSample(items, 7, seededRandom(2))).not.toEqual(picked);
  });

  it.each([0, 1, 3])('of 5 out of %i is all of them', (length) => {
    const items = Array.from({ length }, (_, n) => `s${n}`);
    expect(pickSample(items, 5, seededRandom(3))).toEqual(items);
  });

  it('prefers none: each item is taken equally often', () => {
    const random = seededRandom(4);
    const taken = new Array<number>(10).fill(0);
    for (let round = 0; round < 10_000; round += 1)
      for (const item of pickSample([...taken.keys()], 3, random)) taken[item] = (taken[item] ?? 0) + 1;
    // 3,000 each is expected, with a standard deviation of 46.
    for (const times of taken) expect(Math.abs(times - 3000)).toBeLessThan(250);
  });
});
