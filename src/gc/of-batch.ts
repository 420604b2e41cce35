import type { ClawbackError, ErrorCode } from '../errors.ts';

const OF_BATCH = new Set<ErrorCode>([
  'manifest-invalid',
  'manifest-newer',
  'object-corrupt',
  'object-not-found',
  'object-exists',
  'frame-corrupt',
]);

/** Whether the error is about one batch alone: it is kept as it is, and the others go on. */
export function isOfBatch({ code }: ClawbackError): boolean {
  return OF_BATCH.has(code);
}
