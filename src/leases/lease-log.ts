import { isClawbackError } from '../errors.ts';
import { leaseKey, leasePrefix, parseLeaseNumber } from '../manifest/keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { notALease } from './lease-errors.ts';
import { decodeLease, encodeLease, type LeaseRecord, MAX_LEASE_BYTES } from './lease-record.ts';

export interface LeaseEntry {
  readonly number: number;
  readonly record: LeaseRecord;
}

/** How often a record that is removed between listing and reading is looked for again: each time a newer one is there. */
const READS = 5;

/**
 * The lease records of one store: immutable objects, numbered upwards, of which the highest decides. A number is
 * written on condition that it is free, so that of several who want it one wins. The highest is never removed;
 * otherwise numbers would begin anew.
 */
export class LeaseLog {
  readonly storeId: string;
  readonly #objects: ObjectStore;
  readonly #instance: string;

  constructor(objects: ObjectStore, instance: string, storeId: string) {
    this.storeId = storeId;
    this.#objects = objects;
    this.#instance = instance;
  }

  /** Ascending. @throws {ClawbackError} `locked` if something else lies among them: nothing is concluded then. */
  async numbers(signal?: AbortSignal): Promise<number[]> {
    const prefix = leasePrefix(this.#instance, this.storeId);
    const numbers: number[] = [];
    for await (const { key, size } of this.#objects.list(prefix, signal)) {
      const number = parseLeaseNumber(key.slice(prefix.length));
      if (number === undefined || size > MAX_LEASE_BYTES) throw notALease(this.storeId, key);
      numbers.push(number);
    }
    return numbers;
  }

  /** @throws {ClawbackError} `locked` if it is damaged or of a later clawback, `object-not-found` if it was removed. */
  async read(number: number, signal?: AbortSignal): Promise<LeaseRecord> {
    const key = leaseKey(this.#instance, this.storeId, number);
    const record = decodeLease(await this.#objects.get(key, undefined, signal));
    if (record === undefined) throw notALease(this.storeId, key);
    return record;
  }

  /** The one that decides, and the numbers below it. Undefined if nobody has ever held a lease. */
  async newest(
    signal?: AbortSignal,
  ): Promise<(LeaseEntry & { readonly older: readonly number[] }) | undefined> {
    for (let reads = 1; ; reads += 1) {
      const numbers = await this.numbers(signal);
      const number = numbers.pop();
      if (number === undefined) return undefined;
      try {
        return { number, record: await this.read(number, signal), older: numbers };
      } catch (error) {
        const isRemoved = isClawbackError(error) && error.code === 'object-not-found';
        if (!isRemoved || reads === READS) throw error;
      }
    }
  }

  /** @throws {ClawbackError} `object-exists` if somebody else has that number. */
  async append(number: number, record: LeaseRecord, signal?: AbortSignal): Promise<void> {
    await this.#objects.put(leaseKey(this.#instance, this.storeId, number), encodeLease(record), signal);
  }

  /** Of numbers below one that exists. What cannot be removed is left to the next holder. */
  async remove(numbers: readonly number[], signal?: AbortSignal): Promise<void> {
    const keys = numbers.map((number) => leaseKey(this.#instance, this.storeId, number));
    await Promise.allSettled(keys.map((key) => this.#objects.delete(key, signal)));
  }
}
