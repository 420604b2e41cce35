import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { ArchiveLocation } from '../../src/objects/location.ts';

/** What a server's address and keys are to a client; a part of `S3Server`, and what vitest provides. */
export interface S3Access {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Puts the credentials where the SDK's own chain, and every child process, finds them. */
export function useCredentials(access: S3Access, env: NodeJS.ProcessEnv = process.env): void {
  env.AWS_ACCESS_KEY_ID = access.accessKeyId;
  env.AWS_SECRET_ACCESS_KEY = access.secretAccessKey;
  env.AWS_REGION = access.region;
}

/** The SDK's own client, for what a test does behind the store's back. */
export function rawClient(access: S3Access): S3Client {
  const { endpoint, region, accessKeyId, secretAccessKey } = access;
  return new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
}

/** A new empty bucket, so that tests share a server and nothing else. Sets the credentials too. */
export async function freshBucket(
  access: S3Access,
  prefix = 'archive',
): Promise<ArchiveLocation & { readonly bucket: string }> {
  useCredentials(access);
  const bucket = `test-${randomBytes(6).toString('hex')}`;
  const client = rawClient(access);
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  const { endpoint, region } = access;
  return { bucket, url: `s3://${bucket}/${prefix}`, s3: { endpoint, region, forcePathStyle: true } };
}
