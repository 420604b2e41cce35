import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from '../errors.ts';
import { isProcessAlive, readProcessStart } from '../openclaw/process-alive.ts';
import type { LeaseRecord } from './lease-record.ts';

/** The process behind a lease. */
export type LeaseHolder = Pick<LeaseRecord, 'host' | 'machine' | 'pid' | 'processStart'>;

/** Ids of the leases that this process holds at this moment. */
const heldHere = new Set<string>();

export function markHeld(id: string): void {
  heldHere.add(id);
}

export function unmarkHeld(id: string): void {
  heldHere.delete(id);
}

export function thisProcess(): LeaseHolder {
  const machine = readMachine();
  const processStart = readProcessStart(process.pid);
  return {
    host: hostname(),
    ...(machine === undefined ? {} : { machine }),
    pid: process.pid,
    ...(processStart === undefined ? {} : { processStart }),
  };
}

/** Only of a process on this very machine can be known that it is gone, and of our own that it gave up a lease. */
export function isCertainlyDead(record: LeaseRecord, us: LeaseHolder = thisProcess()): boolean {
  const isHere =
    record.machine === undefined && us.machine === undefined
      ? record.host === us.host
      : record.machine === us.machine;
  if (!isHere) return false;
  const isUs = record.pid === us.pid && record.processStart === us.processStart;
  return isUs ? !heldHere.has(record.id) : !isProcessAlive(record.pid, record.processStart);
}

/**
 * Names the running kernel and this PID namespace: two containers see other processes, and cloned machines have one
 * hostname. Undefined where there is no `/proc`.
 */
function readMachine(): string | undefined {
  try {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const namespace = readlinkSync('/proc/self/ns/pid');
    return createHash('sha256').update(`${bootId} ${namespace}`).digest('hex').slice(0, 16);
  } catch (error) {
    // No such file, or hidden from us: then the hostname has to do.
    if (errnoOf(error) !== undefined) return undefined;
    throw error;
  }
}
