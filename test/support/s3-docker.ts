import { readFile } from 'node:fs/promises';
import { MinioContainer } from '@testcontainers/minio';
import { type ContainerRuntimeClient, getContainerRuntimeClient, getReaper, ImageName } from 'testcontainers';
import { describe } from '../../src/errors.ts';
import type { S3Server } from './s3-server.ts';

/** A slow line pulls the 60 MB image in this time; a registry that hangs costs no more. */
const PULL_MS = 240_000;
const ENGINE_MS = 15_000;

/** @throws if no engine answers, or the image is neither here nor to be had. */
export async function startMinioContainer(): Promise<S3Server> {
  const engine = await within(ENGINE_MS, 'no Docker engine answers', getContainerRuntimeClient());
  const image = await composeImage();
  await obtain(engine, image);
  await startReaper(engine);
  const container = await new MinioContainer(image).withStartupTimeout(60_000).start();
  return {
    endpoint: container.getConnectionUrl(),
    region: 'us-east-1',
    accessKeyId: container.getUsername(),
    secretAccessKey: container.getPassword(),
    road: `docker, ${image}`,
    stop: async () => {
      await container.stop();
    },
  };
}

/** The image that docker-compose.yml names, so that there is one place to change it. */
async function composeImage(): Promise<string> {
  const compose = await readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8');
  const image = /^\s*image:\s*(\S*minio\S*)\s*$/m.exec(compose)?.[1];
  if (image === undefined) throw new Error('docker-compose.yml names no MinIO image');
  return image;
}

async function obtain(engine: ContainerRuntimeClient, image: string): Promise<void> {
  const name = ImageName.fromString(image);
  if (await engine.image.exists(name)) return;
  await within(PULL_MS, `image ${image} cannot be pulled`, engine.image.pull(name));
  // The client resolves when the answer ends, whatever it said.
  if (!(await engine.image.exists(name))) throw new Error(`image ${image} cannot be pulled`);
}

/** Ryuk removes the container if we are killed. Where its image cannot be had, only `stop` does. */
async function startReaper(engine: ContainerRuntimeClient): Promise<void> {
  if (process.env.TESTCONTAINERS_RYUK_DISABLED === 'true') return;
  try {
    await within(PULL_MS, 'Ryuk does not start', getReaper(engine));
  } catch (error) {
    console.log(`S3 for tests: no Ryuk (${describe(error)}), the container is removed by us alone`);
    process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  }
}

async function within<T>(limitMs: number, otherwise: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } catch (error) {
    throw new Error(`${otherwise}: ${describe(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
