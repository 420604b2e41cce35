import type { ClawbackError } from '../errors.ts';
import { ARCHIVE_DAMAGE } from '../recover/damage.ts';

/** Whether the error is about one batch alone: it is kept as it is, and the others go on. */
export function isOfBatch({ code }: ClawbackError): boolean {
  return ARCHIVE_DAMAGE.has(code) || code === 'object-exists';
}
