import { describe, inject } from 'vitest';
import type { S3Access } from './s3-bucket.ts';

const provided = inject('s3');

/** `describe`, or where there is no server `describe.skip`: the skipped tests stay in the report. */
export const describeWithS3 = 'absent' in provided ? describe.skip : describe;

/** The run's S3 server. Only for use inside tests that `describeWithS3` holds. */
export function s3Access(): S3Access {
  if ('absent' in provided) throw new Error(provided.absent);
  return provided;
}
