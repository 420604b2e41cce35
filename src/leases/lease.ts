import { isClawbackError } from '../errors.ts';
import { heldBy, takenOver, tooFast } from './lease-errors.ts';
import { isCertainlyDead, type LeaseHolder } from './lease-holder.ts';
import type { LeaseLog } from './lease-log.ts';
import { LEASE_FORMAT, type LeaseRecord } from './lease-record.ts';
import type { LeaseTimes } from './lease-times.ts';

/** Who wants a lease, and how long it is to hold. */
export interface LeaseClaim {
  /** Of the run. */
  readonly id: string;
  readonly holder: LeaseHolder;
  readonly command: string;
  /** Of the objects that it writes, where all of them have one. */
  readonly runId?: string | undefined;
  readonly times: LeaseTimes;
  /** By the clock that other hosts' clocks are compared with. */
  nowMs(): number;
}

/**
 * The right to commit for one store of an instance, among all hosts: every word about it is a record of its own, and
 * the highest number has the last one. Taking, renewing and giving back each write the next number.
 */
export class Lease {
  readonly #log: LeaseLog;
  readonly #claim: LeaseClaim;
  readonly #acquiredAt: string;
  #number: number;

  private constructor(log: LeaseLog, claim: LeaseClaim, number: number, acquiredAt: string) {
    this.#log = log;
    this.#claim = claim;
    this.#number = number;
    this.#acquiredAt = acquiredAt;
  }

  get storeId(): string {
    return this.#log.storeId;
  }

  /** Of our newest record. */
  get number(): number {
    return this.#number;
  }

  /**
   * Takes it if nobody holds it, or whoever does is certainly gone or past its time.
   * @throws {ClawbackError} `locked`, saying who holds it.
   */
  static async acquire(log: LeaseLog, claim: LeaseClaim, signal?: AbortSignal): Promise<Lease> {
    const found = await log.newest(signal);
    if (found !== undefined) assertFree(log.storeId, found.record, claim);
    const number = (found?.number ?? 0) + 1;
    const lease = new Lease(log, claim, number, new Date(claim.nowMs()).toISOString());
    try {
      await log.append(number, lease.#record('held'), signal);
    } catch (error) {
      // Taken by another. Or, in a folder, an older clawback that has taken it swept our temporary file.
      const isContended = isClawbackError(error) && ['object-exists', 'archive-io'].includes(error.code);
      const newest = isContended ? await log.newest(signal) : undefined;
      if (newest === undefined || newest.number < number || newest.record.id === claim.id) throw error;
      assertFree(log.storeId, newest.record, claim);
      throw tooFast(log.storeId);
    }
    if (found !== undefined) await log.remove([...found.older, found.number], signal);
    return lease;
  }

  /** @throws {ClawbackError} `lease-lost` if another has taken it. */
  async renew(signal?: AbortSignal): Promise<void> {
    await this.#append('held', signal);
  }

  /** @throws {ClawbackError} `lease-lost` if another has taken it. */
  async release(signal?: AbortSignal): Promise<void> {
    await this.#append('released', signal);
  }

  async #append(state: LeaseRecord['state'], signal: AbortSignal | undefined): Promise<void> {
    let [number, older]: [number, readonly number[]] = [this.#number + 1, [this.#number]];
    try {
      await this.#log.append(number, this.#record(state), signal);
    } catch (error) {
      if (!isClawbackError(error) || error.code !== 'object-exists') throw error;
      // Ours, if the answer to an earlier attempt was lost.
      const newest = await this.#log.newest(signal);
      if (newest === undefined || newest.record.id !== this.#claim.id)
        throw takenOver(this.storeId, newest?.record);
      [number, older] = [newest.number + 1, [...newest.older, newest.number]];
      await this.#log.append(number, this.#record(state), signal);
    }
    this.#number = number;
    await this.#log.remove(older, signal);
  }

  #record(state: LeaseRecord['state']): LeaseRecord {
    const { id, holder, command, runId, times } = this.#claim;
    return {
      format: LEASE_FORMAT,
      state,
      id,
      ...holder,
      ...(runId === undefined ? {} : { runId }),
      command,
      acquiredAt: this.#acquiredAt,
      expiresAt: new Date(this.#claim.nowMs() + (state === 'held' ? times.ttlMs : 0)).toISOString(),
    };
  }
}

/** An expiry only lets another try: what keeps the former holder from committing is the check before each commit. */
function assertFree(storeId: string, record: LeaseRecord, { holder, times, nowMs }: LeaseClaim): void {
  const freeMs = Date.parse(record.expiresAt) + times.skewMs;
  if (record.state === 'released' || nowMs() > freeMs || isCertainlyDead(record, holder)) return;
  throw heldBy(storeId, record, freeMs);
}
