import { createHash } from 'node:crypto';
import { ClawbackError } from '../errors.ts';
import { type ByteRange, isObjectKey } from './object-store.ts';

// What every adapter refuses in the same words.

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @throws {ClawbackError} `object-invalid-key`; the key is quoted, so that control characters stay visible. */
export function checkKey(doing: string, key: string): void {
  if (isObjectKey(key)) return;
  throw new ClawbackError(
    'object-invalid-key',
    `${doing} ${JSON.stringify(key.slice(0, 80))}: not a usable key`,
    {
      hint: 'keys are [a-z0-9/_.=-], relative, without empty or dot segments, at most 512 characters',
    },
  );
}

const PREFIX = /^(?:[a-z0-9_=-][a-z0-9_.=-]*\/)*(?:[a-z0-9_=-][a-z0-9_.=-]*)?$/;

/** A prefix is the beginning of a key, or empty. */
export function checkPrefix(doing: string, prefix: string): void {
  if (prefix.length <= 512 && PREFIX.test(prefix)) return;
  const shown = JSON.stringify(prefix.slice(0, 80));
  throw new ClawbackError('object-invalid-key', `${doing} ${shown}: no key starts like this`, {
    hint: 'prefixes are [a-z0-9/_.=-], relative, without empty or dot segments',
  });
}

/** @throws {ClawbackError} `internal`: only a caller's mistake makes such a range. */
export function checkRange(doing: string, range: ByteRange | undefined): void {
  if (range === undefined) return;
  if (isCount(range.offset) && isCount(range.length) && isCount(range.offset + range.length)) return;
  throw new ClawbackError('internal', `${doing}: range ${range.offset}+${range.length} is not one`);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

export function notFound(doing: string): ClawbackError {
  return new ClawbackError('object-not-found', `${doing}: not found`);
}

export function alreadyExists(doing: string): ClawbackError {
  return new ClawbackError('object-exists', `${doing}: the key already holds other bytes`, {
    hint: 'objects are never overwritten; two archivers may share one instance name',
  });
}

export function tooShort(doing: string, got: number, expected: number): ClawbackError {
  return new ClawbackError('object-corrupt', `${doing}: ${got} bytes where ${expected} were due`, {
    hint: 'run `clawback verify` to see what else is damaged',
  });
}

export function writerIsDone(doing: string): ClawbackError {
  return new ClawbackError('internal', `${doing}: the writer was already closed or aborted`);
}

/** @throws {ClawbackError} `interrupted` if the caller's signal has fired. */
export function checkSignal(doing: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interrupted(doing, signal);
}

export function interrupted(doing: string, signal: AbortSignal): ClawbackError {
  return new ClawbackError('interrupted', `${doing}: interrupted`, { cause: signal.reason });
}
