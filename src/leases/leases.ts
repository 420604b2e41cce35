import { randomUUID } from 'node:crypto';
import type { Archive } from '../archive/archive.ts';
import type { Clock } from '../clock.ts';
import { describe, isClawbackError } from '../errors.ts';
import { withDeadline } from '../objects/deadline.ts';
import { Fence, type LeaseCheck, type LeasePass } from './fence.ts';
import { Lease, type LeaseClaim } from './lease.ts';
import { LeaseDeadline, type ReadMoment } from './lease-deadline.ts';
import { markHeld, thisProcess, unmarkHeld } from './lease-holder.ts';
import { LeaseLog } from './lease-log.ts';
import { LEASE_TIMES, type LeaseTimes } from './lease-times.ts';

/** Giving back is a courtesy: an archive that does not answer must not keep a run from ending. */
const RELEASE_MS = 30_000;

export interface LeaseOptions {
  /** For whoever finds a store taken: `clawback archive`. */
  readonly command: string;
  /** Of the objects that it writes. Without it nobody clears anything away while we hold a lease. */
  readonly runId?: string | undefined;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly signal?: AbortSignal | undefined;
  /** @default LEASE_TIMES */
  readonly times?: LeaseTimes | undefined;
  /** Told of a lease that could not be given back: others then wait until it has expired. */
  readonly onStuck?: (storeId: string, error: unknown) => void;
  /** Only tests give one. */
  readonly readMoment?: ReadMoment;
}

/**
 * Takes the lease of each store, in the order of their ids, so that of two who want the same ones the first goes on.
 * They are renewed until `release`, which is to be called whatever comes.
 *
 * @throws {ClawbackError} `locked` if another run holds one of them; then we hold none.
 */
export async function acquireLeases(
  archive: Pick<Archive, 'objects' | 'instance'>,
  storeIds: readonly string[],
  options: LeaseOptions,
): Promise<Leases> {
  const { objects, instance } = archive;
  const { clock, command, runId, signal, times = LEASE_TIMES, onStuck = () => {}, readMoment } = options;
  const id = randomUUID();
  const claim: LeaseClaim = { id, holder: thisProcess(), command, runId, times, nowMs: () => clock.nowMs() };
  const deadline = new LeaseDeadline(undefined, readMoment);
  // Before the first record is written: we are never surer of it than the others.
  deadline.extend(deadline.now(), times.ttlMs);
  const held: Lease[] = [];
  const leases = new Leases(archive, claim, held, deadline, onStuck);
  markHeld(id);
  try {
    for (const storeId of [...new Set(storeIds)].sort())
      held.push(await Lease.acquire(new LeaseLog(objects, instance, storeId), claim, signal));
    return leases.keepUp();
  } catch (error) {
    await leases.release();
    throw error;
  }
}

/** The leases of one run. */
export class Leases implements LeaseCheck {
  /** For worker threads. */
  readonly pass: LeasePass;
  readonly #claim: LeaseClaim;
  readonly #held: readonly Lease[];
  readonly #deadline: LeaseDeadline;
  readonly #fence: Fence;
  readonly #onStuck: (storeId: string, error: unknown) => void;
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #released: Promise<void> | undefined;
  #whyNotRenewed: string | undefined;

  /** Use `acquireLeases`. */
  constructor(
    { objects, instance }: Pick<Archive, 'objects' | 'instance'>,
    claim: LeaseClaim,
    held: readonly Lease[],
    deadline: LeaseDeadline,
    onStuck: (storeId: string, error: unknown) => void,
  ) {
    this.pass = { id: claim.id, deadline: deadline.buffer };
    this.#claim = claim;
    this.#held = held;
    this.#deadline = deadline;
    this.#fence = new Fence(objects, instance, { id: claim.id, deadline }, () => this.#whyNotRenewed);
    this.#onStuck = onStuck;
  }

  /** Store id → number of our newest record. */
  get numbers(): ReadonlyMap<string, number> {
    return new Map(this.#held.map(({ storeId, number }) => [storeId, number]));
  }

  /** Renews them from time to time, without keeping the process alive. */
  keepUp(): this {
    this.#timer = setInterval(() => void this.renew(), this.#claim.times.renewMs);
    this.#timer.unref();
    return this;
  }

  /**
   * Renews all of them now. A failure ends nothing: the next attempt may go through, and what counts is the check
   * before a commit. Past the deadline nothing is renewed: who slept does not come back.
   */
  renew(): Promise<void> {
    this.#renewing = this.#renewing.then(async () => {
      const began = this.#deadline.now();
      const { signal } = this.#ending;
      const results = await Promise.allSettled(this.#held.map((lease) => this.#renewOne(lease, signal)));
      const failed = results.find((result) => result.status === 'rejected');
      this.#whyNotRenewed = failed && describe(failed.reason);
      if (failed === undefined) this.#deadline.extend(began, this.#claim.times.ttlMs);
    });
    return this.#renewing;
  }

  async #renewOne(lease: Lease, signal: AbortSignal): Promise<void> {
    this.assertNotKnownLost(lease.storeId);
    await lease.renew(signal);
  }

  /** Of one store, or of all: before every commit, and before anything is removed from the archive. */
  async assertHeld(storeId?: string): Promise<void> {
    const storeIds = storeId === undefined ? this.#held.map((lease) => lease.storeId) : [storeId];
    await Promise.all(storeIds.map((id) => this.#fence.assertHeld(id)));
  }

  assertNotKnownLost(storeId: string): void {
    this.#fence.assertNotKnownLost(storeId);
  }

  /** Gives them back. What fails is told, not thrown; safe to call twice. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    clearInterval(this.#timer);
    this.#ending.abort();
    await this.#renewing;
    await Promise.all(this.#held.map((lease) => this.#giveBack(lease)));
    unmarkHeld(this.#claim.id);
  }

  async #giveBack(lease: Lease): Promise<void> {
    try {
      this.assertNotKnownLost(lease.storeId);
      const doing = `give back the lease of store ${lease.storeId}`;
      await withDeadline(doing, RELEASE_MS, undefined, (signal) => lease.release(signal));
    } catch (error) {
      // What is another's, or past its time, nobody waits to get from us.
      const isLost = isClawbackError(error) && error.code === 'lease-lost';
      if (!isLost) this.#onStuck(lease.storeId, error);
    }
  }
}
