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
  let onAbort = () => {};
  let timer: NodeJS.Timeout | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    const stop = (error: ClawbackError) => {
      reject(error);
      controller.abort(error);
    };
    timer = setTimeout(() => stop(tooSlow(doing, limitMs)), limitMs);
    if (signal !== undefined) {
      onAbort = () => stop(interrupted(doing, signal));
      signal.addEventListener('abort', onAbort, { once: true });
    }
  });
  try {
    return await Promise.race([call(controller.signal), stopped]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
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
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
    if (signal?.aborted) done();
  });
}
