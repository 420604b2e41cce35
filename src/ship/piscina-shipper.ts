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
  let opened: Pool | undefined;
  // A night with nothing to do starts no thread.
  const pool = () => (opened ??= new Pool(settings, jobs));
  const slots = new Slots(jobs * TASKS_PER_THREAD);
  return {
    async ship(task, signal, onBytes) {
      await slots.take();
      try {
        // A batch in hand is finished: only those that wait for their turn are given up.
        if (signal?.aborted) throw interrupted();
        const reply = await pool().ship(task, onBytes);
        if (reply.ok) return reply.report;
        throw reviveError(reply.error);
      } finally {
        slots.giveBack();
      }
    },
    async verify(pack, files, signal) {
      const reply = await pool().verify({ pack, files }, signal);
      if (!reply.ok) throw reviveError(reply.error);
    },
    close: async () => opened?.close(),
  };
}

class Pool {
  readonly #threads: Piscina;
  readonly #collapse: Promise<never>;
  readonly #listeners = new Map<string, (bytes: number) => void>();

  constructor(settings: WorkerSettings, jobs: number) {
    this.#threads = new Piscina({
      filename: ENTRY,
      // One: a pool without a minimum starts no new thread for waiting tasks when its last one dies.
      minThreads: 1,
      maxThreads: jobs,
      concurrentTasksPerWorker: TASKS_PER_THREAD,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      workerData: settings,
    });
    this.#collapse = collapseOf(this.#threads);
    this.#threads.on('message', (message: unknown) => {
      if (isShipStep(message)) this.#listeners.get(message.batchId)?.(message.bytes);
    });
  }

  async ship(task: ShipTask, onBytes: ((bytes: number) => void) | undefined): Promise<ShipReply> {
    if (onBytes !== undefined) this.#listeners.set(task.batchId, onBytes);
    try {
      return await this.#run('ship', task);
    } finally {
      this.#listeners.delete(task.batchId);
    }
  }

  verify(task: VerifyTask, signal?: AbortSignal): Promise<VerifyReply> {
    // One run has one signal, on which every task of it listens; above ten Node takes that for a leak.
    if (signal !== undefined) setMaxListeners(0, signal);
    return this.#run('verify', task, signal);
  }

  close(): Promise<void> {
    return this.#threads.destroy();
  }

  async #run<Reply extends ShipReply | VerifyReply>(
    name: string,
    task: ShipTask | VerifyTask,
    signal?: AbortSignal,
  ): Promise<Reply> {
    try {
      const reply = this.#threads.run(task, { name, ...(signal ? { signal } : {}) });
      return (await Promise.race([reply, this.#collapse])) as Reply;
    } catch (error) {
      if (signal?.aborted) throw interrupted(error);
      throw new ClawbackError('worker-died', `run ${name} in a worker thread: ${describe(error)}`, {
        hint: 'nothing local was removed; run again, with fewer --jobs if memory or open files are short',
        retryable: true,
        cause: error,
      });
    }
  }
}

function interrupted(cause?: unknown): ClawbackError {
  return new ClawbackError('interrupted', 'archive: interrupted', { cause });
}

/** So many at once; the others wait in the order in which they came. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async take(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  giveBack(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
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
