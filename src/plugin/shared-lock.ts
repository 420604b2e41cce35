import { setTimeout as delay } from 'node:timers/promises';
import { isClawbackError } from '../errors.ts';
import { MESSAGE_COMMAND, StoreLock } from '../state/store-lock.ts';

const POLL_MS = 100;

interface Held {
  readonly lock: StoreLock;
  users: number;
}

/**
 * The locks of stores, each shared by all messages that this gateway restores at once. A run of the command line
 * keeps them out, and they keep it out: it could unlink files that are just coming back.
 */
export class SharedLocks {
  readonly #held = new Map<string, Held>();

  /** @throws {ClawbackError} `locked` if another process still holds the store when `signal` aborts. */
  async with<T>(sessionsDir: string, signal: AbortSignal, work: (lock: StoreLock) => Promise<T>): Promise<T> {
    const held = await this.#join(sessionsDir, signal);
    try {
      return await work(held.lock);
    } finally {
      held.users -= 1;
      if (held.users === 0) {
        this.#held.delete(sessionsDir);
        await held.lock.release();
      }
    }
  }

  async #join(sessionsDir: string, signal: AbortSignal): Promise<Held> {
    for (;;) {
      const ours = this.#held.get(sessionsDir);
      if (ours !== undefined) {
        ours.users += 1;
        return ours;
      }
      try {
        const lock = await StoreLock.acquire(sessionsDir, MESSAGE_COMMAND, Date.now());
        const held = { lock, users: 1 };
        this.#held.set(sessionsDir, held);
        return held;
      } catch (error) {
        if (!isClawbackError(error) || error.code !== 'locked' || signal.aborted) throw error;
        // The wait ends with the deadline: the error that says who holds the lock is the better one then.
        await delay(POLL_MS, undefined, { signal }).catch(() => {
          throw error;
        });
      }
    }
  }
}
