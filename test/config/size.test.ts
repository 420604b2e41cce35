import { describe, expect, test } from 'vitest';
import { highWaterBytes, readHighWater, readSize } from '../../src/config/size.ts';

const MB = 1024 * 1024;

describe('a size', () => {
  test.each([
    ['1b', 1],
    ['500MB', 500 * MB],
    ['500 mb', 500 * MB],
    ['1.5GB', 1536 * MB],
    ['2 GiB', 2048 * MB],
    ['2g', 2048 * MB],
    ['64k', 64 * 1024],
    ['1TB', 1024 * 1024 * MB],
  ])('%s is read', (text, bytes) => {
    expect(readSize(text)).toEqual({ bytes });
  });

  test.each([
    [500, 'type "500MB"'],
    ['500', 'type "500MB"'],
    ['1e9', 'without a unit'],
    [-1, 'type "500MB"'],
    ['-1MB', 'is not a size'],
    ['0MB', 'not between'],
    ['99999TB', 'not between'],
    ['1GB 200MB', 'one number and one unit'],
    ['1 XB', 'is not a size'],
    ['', 'is not a size'],
    [true, 'is not a size'],
  ])('%j is refused, saying what to type', (given, text) => {
    expect(readSize(given)).toEqual({ problem: expect.stringContaining(text) });
  });
});

describe('a high-water mark', () => {
  test('is a size, or a share of the budget', () => {
    expect(readHighWater('80%')).toEqual({ percent: 80 });
    expect(readHighWater('400MB')).toEqual({ bytes: 400 * MB });
    expect(highWaterBytes({ percent: 80 }, 1000)).toBe(800);
    expect(highWaterBytes({ bytes: 7 }, 1000)).toBe(7);
  });

  test.each(['0%', '101%', '80', 80, '%'])('%j is refused', (given) => {
    expect(readHighWater(given)).toHaveProperty('problem');
  });
});
