import { describe } from '../../src/errors.ts';
import { startMinioBinary } from './s3-binary.ts';
import { startMinioContainer } from './s3-docker.ts';

/** A running S3 server for tests and benchmarks. */
export interface S3Server {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** How it came to be, for people. */
  readonly road: string;
  stop(): Promise<void>;
}

export type S3Start = { readonly server: S3Server } | { readonly absent: string };

type Road = 'docker' | 'binary';

const ROADS: Readonly<Record<Road, () => Promise<S3Server>>> = {
  docker: startMinioContainer,
  binary: startMinioBinary,
};

/**
 * Starts MinIO in a container of the image that docker-compose.yml names, else
 * as a program: found on the PATH or in the cache, else built with Go. Each road
 * that is closed says why. `CLAWBACK_TEST_S3=docker|binary` takes that one only.
 *
 * @throws if a road was demanded, or `CI` is set, and there is no server.
 */
export async function startS3Server(env: NodeJS.ProcessEnv = process.env): Promise<S3Start> {
  const closed: string[] = [];
  for (const road of roadsOf(env)) {
    try {
      const server = await ROADS[road]();
      const why = closed.length === 0 ? '' : ` (not ${closed.join('; not ')})`;
      return { server: { ...server, road: server.road + why } };
    } catch (error) {
      closed.push(`${road}: ${describe(error)}`);
    }
  }
  const absent = `no S3 server (${closed.join('; ')})`;
  if (env.CLAWBACK_TEST_S3 || env.CI) throw new Error(absent);
  return { absent };
}

function roadsOf(env: NodeJS.ProcessEnv): readonly Road[] {
  const wanted = env.CLAWBACK_TEST_S3 ?? '';
  if (wanted === '') return ['docker', 'binary'];
  if (wanted === 'docker' || wanted === 'binary') return [wanted];
  throw new Error(`CLAWBACK_TEST_S3=${wanted}: use docker or binary`);
}
