import { setMaxListeners } from 'node:events';
import { ClawbackError } from '../errors.ts';
import { checkSignal, interrupted } from './checks.ts';

/**
 * Runs `call` and stops waiting when `limitMs` is over or the caller's signal
 * fires, even if `call` ignores the signal it was given.
 *
 * @throws {ClawbackError} `archive-unreachable` (retryable) after the limit, `interrupted` on the caller's signal.
 */
export async function withDeadline<T>(
  doing: string,
  limitMs: number,
  signal: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  checkSignal(doing, signal);
  // Not AbortSignal.any: it holds on to every signal that a long-lived one was ever combined with.
  const controller = new AbortController();
  let unsubscribe = () => {};
  let timer: NodeJS.Timeout | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    const stop = (error: ClawbackError) => {
      reject(error);
      controller.abort(error);
    };
    timer = setTimeout(() => stop(tooSlow(doing, limitMs)), limitMs);
    if (signal !== undefined) unsubscribe = onAbort(signal, () => stop(interrupted(doing, signal)));
  });
  try {
    return await Promise.race([call(controller.signal), stopped]);
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
}

/** Calls `listener` when the signal fires, or at once if it has. Returns how to unsubscribe. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal === undefined) return () => {};
  if (signal.aborted) {
    listener();
    return () => {};
  }
  // Every call under way listens to the one signal of the run; Node 20 takes eleven for a leak.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

function tooSlow(doing: string, limitMs: number): ClawbackError {
  const limit = limitMs < 1000 ? `${limitMs} ms` : `${Math.round(limitMs / 1000)} s`;
  return new ClawbackError('archive-unreachable', `${doing}: not done within ${limit}`, {
    retryable: true,
    hint: 'check the network between this host and the archive, then run again',
  });
}

/** Waits before another attempt: `baseMs` doubled each time, with jitter. Ends early when the signal fires. */
export async function pauseBefore(
  attempt: number,
  baseMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ms = baseMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
  let unsubscribe = () => {};
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
    unsubscribe = onAbort(signal, resolve);
  });
  clearTimeout(timer);
  unsubscribe();
}
