import { expect, test } from 'vitest';
import { freeNow } from '../src/free-now.ts';

const isFreed = (bytes: Uint8Array) => bytes.byteLength === 0;

test('empties what is large, also when it is a part of a larger buffer of its own', () => {
  const whole = Buffer.alloc(100_000);
  const part = Buffer.alloc(100_000).subarray(0, 10);
  freeNow(whole);
  freeNow(part);
  expect([whole, part].map(isFreed)).toEqual([true, true]);
});

test('leaves alone what may share its buffer with others', () => {
  const [mine, neighbour] = [Buffer.from('mine'), Buffer.from('neighbour')];
  expect(mine.buffer).toBe(neighbour.buffer);
  freeNow(mine);
  expect([mine, neighbour].map(String)).toEqual(['mine', 'neighbour']);
});
