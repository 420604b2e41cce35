import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inGroups } from '../../src/ship/in-groups.ts';

/** A promise that the test settles by hand. */
function handle<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

async function collect<T>(groups: AsyncIterable<T[]>): Promise<T[][]> {
  const all = [];
  for await (const group of groups) all.push(group);
  return all;
}

it('whatever is ready together comes together', async () => {
  expect(await collect(inGroups([1, 2, 3].map((n) => Promise.resolve(n))))).toEqual([[1, 2, 3]]);
});

it('what becomes ready while a group is worked on comes with the next one', async () => {
  const [a, b, c] = [handle<string>(), handle<string>(), handle<string>()];
  const groups = inGroups([a.promise, b.promise, c.promise]);
  b.resolve('b');
  expect((await groups.next()).value).toEqual(['b']);
  a.resolve('a');
  c.resolve('c');
  await Promise.all([a.promise, c.promise]);
  expect((await groups.next()).value).toEqual(['a', 'c']);
  expect((await groups.next()).done).toBe(true);
});

it('nothing to wait for is no group', async () => {
  expect(await collect(inGroups([]))).toEqual([]);
});

it('one that rejects ends it at once, although others are still on their way', async () => {
  const [never, broken] = [handle<number>(), handle<number>()];
  const groups = inGroups([never.promise, broken.promise]);
  broken.reject(new Error('worker died'));
  await expect(groups.next()).rejects.toThrow('worker died');
});

describe('after work on a group', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  const WORK_MS = 100;

  /** Three promises, of which the first is handed out and worked on. */
  async function workedOnFirst() {
    const [a, b, c] = [handle<string>(), handle<string>(), handle<string>()];
    const groups = inGroups([a.promise, b.promise, c.promise]);
    a.resolve('a');
    await groups.next();
    vi.advanceTimersByTime(WORK_MS);
    let next: string[] | undefined;
    void groups.next().then(({ value }) => (next = value));
    return { b, c, next: () => next };
  }

  it('the next one waits for four times as long as that took', async () => {
    const { b, next } = await workedOnFirst();
    b.resolve('b');
    await vi.advanceTimersByTimeAsync(4 * WORK_MS - 1);
    expect(next()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(next()).toEqual(['b']);
  });

  it('the last one does not wait', async () => {
    const { b, c, next } = await workedOnFirst();
    b.resolve('b');
    c.resolve('c');
    await vi.advanceTimersByTimeAsync(0);
    expect(next()).toEqual(['b', 'c']);
  });
});
