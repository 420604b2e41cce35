import { setMaxListeners } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { ClawbackError, describe, reviveError } from '../errors.ts';
import type { Shipper } from './shipper.ts';
import {
  isShipStep,
  type ShipReply,
  type ShipTask,
  type VerifyReply,
  type VerifyTask,
  type WorkerSettings,
} from './task.ts';

/** While one task of a thread waits for the archive, another compresses: a bucket 25 ms away costs little. */
const TASKS_PER_THREAD = 2;

/** Frames live outside of the heap; the default of 48 MB would only be filled with garbage. */
const YOUNG_GENERATION_MB = 4;

/** Compiled beside us as .js; run from source (tests), Node strips the types of the .ts itself. */
const ENTRY = fileURLToPath(new URL(`../../workers/ship${extname(import.meta.url)}`, import.meta.url));

/** A pool of `jobs` threads. Tasks name files by path: their bytes never pass through the caller's thread. */
export function piscinaShipper(settings: WorkerSettings, jobs: number): Shipper {
  const pool = new Piscina({
    filename: ENTRY,
    // One: a pool without a minimum starts no new thread for waiting tasks when its last one dies.
    minThreads: 1,
    maxThreads: jobs,
    concurrentTasksPerWorker: TASKS_PER_THREAD,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    workerData: settings,
  });
  const collapse = collapseOf(pool);
  const listeners = new Map<string, (bytes: number) => void>();
  pool.on('message', (message: unknown) => {
    if (isShipStep(message)) listeners.get(message.batchId)?.(message.bytes);
  });
  const run = async <Reply extends ShipReply | VerifyReply>(
    name: string,
    task: ShipTask | VerifyTask,
    signal?: AbortSignal,
  ) => {
    // One run has one signal, on which every task of it listens; above ten Node takes that for a leak.
    if (signal !== undefined) setMaxListeners(0, signal);
    try {
      return (await Promise.race([
        pool.run(task, { name, ...(signal ? { signal } : {}) }),
        collapse,
      ])) as Reply;
    } catch (error) {
      if (signal?.aborted) throw new ClawbackError('interrupted', 'archive: interrupted', { cause: error });
      throw new ClawbackError('worker-died', `run ${name} in a worker thread: ${describe(error)}`, {
        hint: 'nothing local was removed; run again, with fewer --jobs if memory is short',
        retryable: true,
        cause: error,
      });
    }
  };
  return {
    async ship(task, signal, onBytes) {
      if (onBytes !== undefined) listeners.set(task.batchId, onBytes);
      try {
        const reply = await run<ShipReply>('ship', task, signal);
        if (reply.ok) return reply.report;
        throw reviveError(reply.error);
      } finally {
        listeners.delete(task.batchId);
      }
    },
    async verify(pack, files, signal) {
      const reply = await run<VerifyReply>('verify', { pack, files }, signal);
      if (!reply.ok) throw reviveError(reply.error);
    },
    close: () => pool.destroy(),
  };
}

/**
 * Rejects when threads die before they are ready: Piscina then gives up, and leaves waiting tasks without
 * an answer.
 */
function collapseOf(pool: Piscina): Promise<never> {
  const collapse = new Promise<never>((_resolve, reject) => {
    pool.on('error', reject);
    pool.on('workerDestroy', () => {
      // Piscina starts a substitute, if it does, after this event.
      setImmediate(() => {
        if (pool.threads.length === 0 && pool.queueSize > 0)
          reject(new Error('the thread ended as it started'));
      });
    });
  });
  collapse.catch(() => {
    // Whoever waits for a task gets the reason; without one there is nobody to tell.
  });
  return collapse;
}
