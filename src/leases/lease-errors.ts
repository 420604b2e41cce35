import { ClawbackError } from '../errors.ts';
import type { LeaseRecord } from './lease-record.ts';

/** @param freeMs from when on another host may take it over. */
export function heldBy(storeId: string, record: LeaseRecord, freeMs: number): ClawbackError {
  return new ClawbackError(
    'locked',
    `take the lease of store ${storeId}: held by ${whoIs(record)}, until ${record.expiresAt} at least`,
    {
      hint: `wait for it to end; if it is gone, a run on its own host goes on at once, one elsewhere after ${new Date(freeMs).toISOString()}; are two OpenClaws using one instance name?`,
      retryable: true,
    },
  );
}

export function tooFast(storeId: string): ClawbackError {
  return new ClawbackError('locked', `take the lease of store ${storeId}: another run was faster`, {
    hint: 'wait for it to end, then run again',
    retryable: true,
  });
}

export function notALease(storeId: string, key: string): ClawbackError {
  return new ClawbackError('locked', `read the leases of store ${storeId}: ${key} is no lease we can read`, {
    hint: 'a later clawback may be at work: update this one; if no run of this instance goes on anywhere, remove that object',
  });
}

export function takenOver(storeId: string, record: LeaseRecord | undefined): ClawbackError {
  const who = record === undefined ? 'it is gone' : `taken over by ${whoIs(record)}`;
  return lost(storeId, who);
}

export function ranOut(storeId: string, untilMs: number, failure: string | undefined): ClawbackError {
  const why = failure === undefined ? 'this process or its machine was stopped for long' : failure;
  return lost(storeId, `it ran out at ${new Date(untilMs).toISOString()} (${why})`);
}

function lost(storeId: string, what: string): ClawbackError {
  return new ClawbackError('lease-lost', `keep the lease of store ${storeId}: ${what}`, {
    hint: 'nothing more was changed; run again: it finishes what was begun',
    retryable: true,
  });
}

function whoIs({ command, pid, host, acquiredAt }: LeaseRecord): string {
  return `${command}, process ${pid} on ${host} since ${acquiredAt}`;
}
