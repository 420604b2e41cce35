import { openObjectStore } from '../src/objects/open.ts';
import { freshBucket, useCredentials } from '../test/support/s3-bucket.ts';
import { startS3Server } from '../test/support/s3-server.ts';
import type { ClawbackPlace } from './clawback.ts';

/** Buckets of an S3 server of our own, a new one for every run. */
export interface S3Target {
  /** How the server came to be, for people. */
  readonly road: string;
  renew(): Promise<void>;
  place(stateDir: string): ClawbackPlace;
  storedBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** The server that the tests use, or why there is none. */
export async function startS3Target(): Promise<S3Target | { readonly absent: string }> {
  const start = await startS3Server({ ...process.env, CI: '' });
  if ('absent' in start) return start;
  const { server } = start;
  let bucket = await freshBucket(server);
  return {
    road: server.road,
    async renew() {
      bucket = await freshBucket(server);
    },
    place(stateDir) {
      const env: NodeJS.ProcessEnv = {
        CLAWBACK_S3_ENDPOINT: server.endpoint,
        CLAWBACK_S3_REGION: server.region,
        CLAWBACK_S3_FORCE_PATH_STYLE: 'true',
      };
      useCredentials(server, env);
      return { stateDir, archive: bucket.url, env };
    },
    async storedBytes() {
      let sum = 0;
      for await (const { size } of (await openObjectStore(bucket)).list('')) sum += size;
      return sum;
    },
    stop: () => server.stop(),
  };
}
