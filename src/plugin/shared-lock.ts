import { setTimeout as delay } from 'node:timers/promises';
import { isClawbackError } from '../errors.ts';
import { MESSAGE_COMMAND, StoreLock } from '../state/store-lock.ts';
import type { MessageDeadline } from './message-deadline.ts';

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

  /** @throws {ClawbackError} `locked` if another process still holds the store when the deadline strikes. */
  async with<T>(
    sessionsDir: string,
    deadline: MessageDeadline,
    work: (lock: StoreLock) => Promise<T>,
  ): Promise<T> {
    const held = await this.#join(sessionsDir, deadline);
    deadline.waitsFor = undefined;
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

  async #join(sessionsDir: string, deadline: MessageDeadline): Promise<Held> {
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
        if (!isClawbackError(error) || error.code !== 'locked' || deadline.isOver) throw error;
        deadline.waitsFor = error.message;
        await delay(POLL_MS, undefined, { signal: deadline.signal }).catch(() => {
          throw error;
        });
      }
    }
  }
}
