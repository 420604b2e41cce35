import { randomUUID } from 'node:crypto';
import { Fence } from '../../src/leases/fence.ts';
import { LeaseDeadline, type Moment } from '../../src/leases/lease-deadline.ts';
import { thisProcess } from '../../src/leases/lease-holder.ts';
import { LeaseLog } from '../../src/leases/lease-log.ts';
import { LEASE_FORMAT, type LeaseRecord } from '../../src/leases/lease-record.ts';
import { LEASE_TIMES } from '../../src/leases/lease-times.ts';
import { acquireLeases, type LeaseOptions, type Leases } from '../../src/leases/leases.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import { INSTANCE } from './ship.ts';
import { NOW_MS } from './snapshot.ts';

/** A bucket, and the clocks of those who use it. */
export class LeaseWorld {
  readonly objects: ObjectStore;
  nowMs = NOW_MS;
  /** By both of this machine's own clocks. */
  moment: Moment = { wallMs: NOW_MS, monotonicMs: 1_000 };

  constructor(objects: ObjectStore = new MemoryObjectStore()) {
    this.objects = objects;
  }

  acquire(options: Partial<LeaseOptions> = {}, storeIds: readonly string[] = ['main']): Promise<Leases> {
    return acquireLeases({ objects: this.objects, instance: INSTANCE }, storeIds, {
      command: 'clawback archive',
      clock: { nowMs: () => this.nowMs },
      readMoment: () => this.moment,
      ...options,
    });
  }

  /** As a worker thread of the holder makes it of what it was handed. */
  fence({ pass: { id, deadline } }: Leases, objects = this.objects): Fence {
    return new Fence(objects, INSTANCE, {
      id,
      deadline: new LeaseDeadline(deadline, () => this.moment),
    });
  }

  log(storeId = 'main', objects = this.objects): LeaseLog {
    return new LeaseLog(objects, INSTANCE, storeId);
  }

  /** As time goes by for everybody. */
  pass(ms: number): void {
    this.nowMs += ms;
    this.moment = { wallMs: this.moment.wallMs + ms, monotonicMs: this.moment.monotonicMs + ms };
  }

  async keys(): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of this.objects.list('')) keys.push(key);
    return keys;
  }
}

/** What a run on another host has left, unless `changes` say otherwise. */
export function recordOf(changes: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    format: LEASE_FORMAT,
    state: 'held',
    id: randomUUID(),
    host: 'elsewhere',
    machine: '0123456789abcdef',
    pid: 4711,
    command: 'clawback archive',
    acquiredAt: new Date(NOW_MS).toISOString(),
    expiresAt: new Date(NOW_MS + LEASE_TIMES.ttlMs).toISOString(),
    ...changes,
  };
}

/** Of a process on this machine. */
export function localRecord(changes: Partial<LeaseRecord>): LeaseRecord {
  const { machine: _elsewhere, ...record } = recordOf();
  return { ...record, ...thisProcess(), ...changes };
}
