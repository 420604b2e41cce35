import { RestoreObjectCommand } from '@aws-sdk/client-s3';
import { notFound } from './checks.ts';
import type { ColdStorage, ThawAnswer, ThawRequest } from './cold.ts';
import type { S3Connection } from './s3-client.ts';
import { nonsense, s3ErrorName } from './s3-errors.ts';
import { statObject } from './s3-get.ts';

const TIERS = { expedited: 'Expedited', standard: 'Standard', bulk: 'Bulk' } as const;

/** Objects that Intelligent-Tiering has put away come back for good: it takes no number of days. */
const TAKES_DAYS: readonly ColdStorage[] = ['GLACIER', 'DEEP_ARCHIVE'];

/** Asks only for what is cold: a request for an object that can be read would be charged, and change how long. */
export async function thawObject(
  connection: S3Connection,
  key: string,
  { tier, days }: ThawRequest,
  signal: AbortSignal | undefined,
): Promise<ThawAnswer> {
  const doing = `thaw object ${key}`;
  const { cold } = await statObject(connection, key, signal);
  if (cold === undefined || cold.state === 'thawed') return 'ready';
  if (cold.state === 'thawing') return 'in-progress';
  const command = new RestoreObjectCommand({
    ...connection.at(key),
    RestoreRequest: {
      GlacierJobParameters: { Tier: TIERS[tier] },
      ...(TAKES_DAYS.includes(cold.storage) ? { Days: days } : {}),
    },
  });
  try {
    const { $metadata } = await connection.trySend(doing, command, { signal });
    if ($metadata.httpStatusCode === 202) return 'requested';
    // Somebody else's thaw has ended since we looked.
    if ($metadata.httpStatusCode === 200) return 'ready';
  } catch (error) {
    if (s3ErrorName(error) === 'RestoreAlreadyInProgress') return 'in-progress';
    if (s3ErrorName(error) === 'NoSuchKey') throw notFound(doing);
    throw connection.translate(doing, error);
  }
  throw nonsense(doing, 'an answer that S3 does not give');
}
