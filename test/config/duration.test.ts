import { describe, expect, test } from 'vitest';
import { readDuration } from '../../src/config/duration.ts';

const HOUR_MS = 3_600_000;

describe('a duration', () => {
  test.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1.5h', 1.5 * HOUR_MS],
    ['90d', 90 * 24 * HOUR_MS],
    ['2 weeks', 14 * 24 * HOUR_MS],
    ['1y', 365.25 * 24 * HOUR_MS],
    ['100y', 100 * 365.25 * 24 * HOUR_MS],
  ])('%s is read', (text, durationMs) => {
    expect(readDuration(text)).toEqual({ ms: durationMs });
  });

  test.each([
    [90, 'a number without a unit', 'type "90d"'],
    ['90', 'a number without a unit', 'type "90d"'],
    ['1e3', 'a number without a unit', 'type "1e3d"'],
    [-3, 'a number without a unit', 'type "90d"'],
    [Number.NaN, 'a number without a unit', 'type "90d"'],
    ['-1h', 'is negative', ''],
    ['1h30m', 'has several units', 'type 90m for 1h30m'],
    ['30D', 'capitals', 'lower case'],
    ['1M', 'capitals', 'm is minutes'],
    ['101y', 'longer than 100 years', ''],
    ['0h', 'not longer than zero', 'type off'],
    ['0.1ms', 'not longer than zero', ''],
    ['1mo', 'is not a duration', ''],
    ['soon', 'is not a duration', ''],
    ['', 'is not a duration', ''],
    ['NaN', 'is not a duration', ''],
    ['Infinity', 'is not a duration', ''],
    [undefined, 'is not a duration', ''],
    [{}, 'is not a duration', ''],
  ])('%j is refused with what to type', (given, problem, advice) => {
    const reading = readDuration(given);
    expect(reading).toHaveProperty('problem');
    expect(reading).toEqual({ problem: expect.stringContaining(problem) });
    expect(reading).toEqual({ problem: expect.stringContaining(advice) });
  });
});
