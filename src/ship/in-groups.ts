/**
 * After a group that took its consumer one second, the next is not handed out for this many, unless it is the
 * last: what is done per group (rescan, rewrite of sessions.json) costs time in proportion to the store, and
 * would otherwise be done anew for every batch.
 */
const REST_PER_WORK = 4;

/** Yields whatever has been fulfilled since the last look, together. Rejects as soon as one of them does. */
export async function* inGroups<T>(promises: readonly Promise<T>[]): AsyncGenerator<T[]> {
  let ready: T[] = [];
  let failure: { error: unknown } | undefined;
  let wake = () => {};
  let left = promises.length;
  for (const promise of promises) {
    promise.then(
      (value) => {
        ready.push(value);
        wake();
      },
      (error: unknown) => {
        failure ??= { error };
        wake();
      },
    );
  }
  let restUntilMs = 0;
  while (left > 0) {
    if (failure !== undefined) throw failure.error;
    const restMs = ready.length === left ? 0 : restUntilMs - performance.now();
    if (ready.length === 0 || restMs > 0) {
      const timer = ready.length === 0 ? undefined : setTimeout(() => wake(), restMs);
      await new Promise<void>((resolve) => (wake = resolve));
      clearTimeout(timer);
      continue;
    }
    const group = ready;
    ready = [];
    left -= group.length;
    const startedMs = performance.now();
    yield group;
    const endedMs = performance.now();
    restUntilMs = endedMs + REST_PER_WORK * (endedMs - startedMs);
  }
}
