import type { TestProject } from 'vitest/node';
import { startS3Server } from './s3-server.ts';

/** Plain data that crosses into the test workers. */
export type ProvidedS3 =
  | {
      readonly endpoint: string;
      readonly region: string;
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
    }
  | { readonly absent: string };

declare module 'vitest' {
  export interface ProvidedContext {
    s3: ProvidedS3;
  }
}

/** One server for the whole run, started before the first S3 test and stopped after the last. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const start = await startS3Server();
  if ('absent' in start) {
    console.log(`S3 for tests: SKIPPED, ${start.absent}`);
    project.provide('s3', start);
    return undefined;
  }
  const { road, stop, ...server } = start.server;
  console.log(`S3 for tests: ${road}`);
  project.provide('s3', server);
  return stop;
}
