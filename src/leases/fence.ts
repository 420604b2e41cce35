import type { ClawbackError } from '../errors.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { LeaseDeadline } from './lease-deadline.ts';
import { ranOut, takenOver } from './lease-errors.ts';
import { LeaseLog } from './lease-log.ts';

/** What a worker thread needs to ask whether the run still holds its leases. */
export interface LeasePass {
  /** Of the run's records. */
  readonly id: string;
  /** Of a `LeaseDeadline`. */
  readonly deadline: SharedArrayBuffer;
}

/** Whether a run still holds the lease of a store. */
export interface LeaseCheck {
  /** Asks the archive. @throws {ClawbackError} `lease-lost`: then nothing may be committed, now or later. */
  assertHeld(storeId: string): Promise<void>;
  /** Asks nobody: what is known to be lost is not worth an upload. @throws {ClawbackError} `lease-lost`. */
  assertNotKnownLost(storeId: string): void;
}

/**
 * The check before every commit, one for each thread. Held is a lease whose deadline has not passed by our own clocks
 * and whose newest record in the archive is ours. One listing; each new record of ours is read once, since a server
 * that ignores conditions may have given its key to two.
 */
export class Fence implements LeaseCheck {
  readonly #objects: ObjectStore;
  readonly #instance: string;
  readonly #id: string;
  readonly #deadline: LeaseDeadline;
  readonly #lost = new Map<string, ClawbackError>();
  readonly #proven = new Map<string, number>();
  readonly #whyNotRenewed: () => string | undefined;

  constructor(
    objects: ObjectStore,
    instance: string,
    { id, deadline }: { readonly id: string; readonly deadline: SharedArrayBuffer | LeaseDeadline },
    whyNotRenewed: () => string | undefined = () => undefined,
  ) {
    this.#objects = objects;
    this.#instance = instance;
    this.#id = id;
    this.#deadline = deadline instanceof LeaseDeadline ? deadline : new LeaseDeadline(deadline);
    this.#whyNotRenewed = whyNotRenewed;
  }

  assertNotKnownLost(storeId: string): void {
    const known = this.#lost.get(storeId);
    if (known !== undefined) throw known;
    if (this.#deadline.isOver)
      throw this.#lose(storeId, ranOut(storeId, this.#deadline.untilMs, this.#whyNotRenewed()));
  }

  async assertHeld(storeId: string): Promise<void> {
    this.assertNotKnownLost(storeId);
    const log = new LeaseLog(this.#objects, this.#instance, storeId);
    const proven = this.#proven.get(storeId);
    if (proven === undefined || (await log.numbers()).at(-1) !== proven) {
      const newest = await log.newest();
      if (newest?.record.id !== this.#id || newest.record.state !== 'held')
        throw this.#lose(storeId, takenOver(storeId, newest?.record));
      this.#proven.set(storeId, newest.number);
    }
    // The answer may have been long under way.
    this.assertNotKnownLost(storeId);
  }

  #lose(storeId: string, error: ClawbackError): ClawbackError {
    this.#lost.set(storeId, error);
    return error;
  }
}
