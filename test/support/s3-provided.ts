import { inject } from 'vitest';
import type { S3Access } from './s3-bucket.ts';

const provided = inject('s3');

/** For `describe.skipIf(!hasS3)`: without a server the tests stay in the report, as skipped. */
export const hasS3 = !('absent' in provided);

/** The run's S3 server. */
export function s3Access(): S3Access {
  if ('absent' in provided) throw new Error(provided.absent);
  return provided;
}
