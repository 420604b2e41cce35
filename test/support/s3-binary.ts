import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, constants, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe } from '../../src/errors.ts';
import type { S3Server } from './s3-server.ts';

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));

// The last commit of MinIO's archived source. The Go proxy serves it; release tags it does not.
const MINIO_MODULE = 'github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c';
const BUILD_MS = 900_000;
const START_MS = 30_000;

/** @throws if there is no `minio` on the PATH or in the cache and none can be built. */
export async function startMinioBinary(): Promise<S3Server> {
  const program = (await findMinio()) ?? (await buildMinio());
  const folder = await mkdtemp(join(tmpdir(), 'clawback-minio-'));
  const port = await freePort();
  const accessKeyId = 'clawback-test';
  const secretAccessKey = randomBytes(16).toString('hex');
  const endpoint = `http://127.0.0.1:${port}`;
  const child = spawn(program, ['server', folder, '--address', `127.0.0.1:${port}`, '--quiet'], {
    env: {
      ...process.env,
      MINIO_ROOT_USER: accessKeyId,
      MINIO_ROOT_PASSWORD: secretAccessKey,
      MINIO_BROWSER: 'off',
    },
    stdio: 'ignore',
  });
  const stop = async () => {
    await stopChild(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilLive(child, `${endpoint}/minio/health/live`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, region: 'us-east-1', accessKeyId, secretAccessKey, road: `program, ${program}`, stop };
}

async function findMinio(): Promise<string | undefined> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), CACHE].filter((folder) => folder !== '');
  for (const folder of folders) {
    const program = join(folder, process.platform === 'win32' ? 'minio.exe' : 'minio');
    const isRunnable = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isRunnable) return program;
  }
  return undefined;
}

/** About two minutes, once. */
async function buildMinio(): Promise<string> {
  await mkdir(CACHE, { recursive: true });
  console.log(`S3 for tests: building MinIO with Go into ${CACHE}, about two minutes, once`);
  try {
    await promisify(execFile)('go', ['install', '-ldflags', '-s -w', MINIO_MODULE], {
      env: { ...process.env, CGO_ENABLED: '0', GOBIN: CACHE },
      timeout: BUILD_MS,
    });
  } catch (error) {
    const text = describe(error).split('\n')[0];
    throw new Error(`no minio on the PATH or in .cache, and Go builds none: ${text}`, { cause: error });
  }
  return join(CACHE, process.platform === 'win32' ? 'minio.exe' : 'minio');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function untilLive(child: ChildProcess, url: string): Promise<void> {
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  for (const endMs = Date.now() + START_MS; Date.now() < endMs; ) {
    if (failure !== undefined) throw failure;
    if (child.exitCode !== null) throw new Error(`minio left with exit code ${child.exitCode}`);
    const isLive = await fetch(url, { signal: AbortSignal.timeout(1000) }).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isLive) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`minio does not answer within ${START_MS / 1000} s`);
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const left = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await left;
  clearTimeout(timer);
}
