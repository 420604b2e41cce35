import { type ClawbackError, type ErrorCode, isClawbackError } from '../errors.ts';

/** The archive answers, and what was stored there is not what comes back, or must be thawed first. Anything else may pass by itself. */
export const ARCHIVE_DAMAGE: ReadonlySet<ErrorCode> = new Set([
  'manifest-invalid',
  'manifest-newer',
  'object-corrupt',
  'object-not-found',
  // Whole, but not to be proven before somebody thaws it.
  'object-cold',
  'frame-corrupt',
]);

export function isArchiveDamage(error: unknown): error is ClawbackError {
  return isClawbackError(error) && ARCHIVE_DAMAGE.has(error.code);
}
