/** Yields whatever has been fulfilled since the last look, together. Rejects as soon as one of them does. */
export async function* inGroups<T>(promises: readonly Promise<T>[]): AsyncGenerator<T[]> {
  let ready: T[] = [];
  let failure: { error: unknown } | undefined;
  let wake = () => {};
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
  for (let left = promises.length; left > 0; ) {
    if (failure !== undefined) throw failure.error;
    if (ready.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    const group = ready;
    ready = [];
    left -= group.length;
    if (group.length > 0) yield group;
  }
}
