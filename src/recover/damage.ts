import type { ErrorCode } from '../errors.ts';

/** The archive answers, and what it answers is not what was stored there. Anything else may pass by itself. */
export const ARCHIVE_DAMAGE: ReadonlySet<ErrorCode> = new Set([
  'manifest-invalid',
  'manifest-newer',
  'object-corrupt',
  'object-not-found',
  'frame-corrupt',
]);
