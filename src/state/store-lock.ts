import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ClawbackError, describe, errnoOf } from '../errors.ts';
import { isProcessAlive, readProcessStart } from '../openclaw/process-alive.ts';
import { isFull } from '../system-error.ts';

interface Holder {
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  readonly command: string;
  readonly since: string;
  /** Kernel start time of the process where the system tells it: a recycled pid is another process. */
  readonly processStart?: number;
}

/** OpenClaw ignores names that it does not know, and none of its own begins like this. */
export const LOCK_NAME = '.clawback.lock';

/** The holder's command while a gateway brings a conversation back for a message: it is done within `restore.deadline`. */
export const MESSAGE_COMMAND = 'restore on message';
const MESSAGE_PATIENCE_MS = 35_000;
const MESSAGE_POLL_MS = 100;
/** More than a release, or a dead holder removed, between two looks would ever need. */
const MAX_TRIES = 10;

/** Contents of our locks that are still there although nobody holds them. */
const abandoned = new Set<string>();

interface Refusal {
  /** Undefined where the lock file says nothing that can be read. */
  readonly holder: Holder | undefined;
}

/** One clawback at a time may change a store. Beside the store, since two state folders may share one. */
export class StoreLock {
  readonly #path: string;
  readonly #content: string;

  private constructor(path: string, content: string) {
    this.#path = path;
    this.#content = content;
  }

  /**
   * Acquires the lock, and waits while a gateway holds it for a message, which takes seconds at most.
   * @throws {ClawbackError} `locked`, saying who holds it.
   */
  static async acquirePatiently(sessionsDir: string, command: string, nowMs: number): Promise<StoreLock> {
    const giveUpMs = performance.now() + MESSAGE_PATIENCE_MS;
    for (;;) {
      const attempt = await StoreLock.#attempt(sessionsDir, command, nowMs);
      if (attempt instanceof StoreLock) return attempt;
      const isBrief = attempt.holder?.command === MESSAGE_COMMAND && performance.now() < giveUpMs;
      if (!isBrief) throw heldBy(join(sessionsDir, LOCK_NAME), attempt.holder);
      await delay(MESSAGE_POLL_MS);
    }
  }

  /** @throws {ClawbackError} `locked`, saying who holds it. */
  static async acquire(sessionsDir: string, command: string, nowMs: number): Promise<StoreLock> {
    const attempt = await StoreLock.#attempt(sessionsDir, command, nowMs);
    if (attempt instanceof StoreLock) return attempt;
    throw heldBy(join(sessionsDir, LOCK_NAME), attempt.holder);
  }

  /** The lock, or who held it at the moment of the attempt: by the next look they may be gone. */
  static async #attempt(sessionsDir: string, command: string, nowMs: number): Promise<StoreLock | Refusal> {
    const path = join(sessionsDir, LOCK_NAME);
    const processStart = readProcessStart(process.pid);
    const holder: Holder = {
      id: randomUUID(),
      pid: process.pid,
      host: hostname(),
      command,
      since: new Date(nowMs).toISOString(),
      ...(processStart === undefined ? {} : { processStart }),
    };
    const lock = new StoreLock(path, JSON.stringify(holder));
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      if (await lock.#create()) return lock;
      const found = await readLock(path);
      // Released between our create and our look.
      if (found === undefined) continue;
      if (!abandoned.has(found.text) && !isStale(found.holder)) return { holder: found.holder };
      await removeStale(path, found.text);
    }
    return { holder: undefined };
  }

  /** @throws {ClawbackError} `locked` if somebody took the lock away from us: then we may not commit. */
  async assertHeld(): Promise<void> {
    const found = await readLock(this.#path);
    if (found?.text !== this.#content) throw heldBy(this.#path, found?.holder);
  }

  /**
   * What the run has done is done, so a lock that the system will not let go is no failure of it: others find it stale
   * once this process has ended, and this process, which may be one for many nights, knows that it has given it back.
   */
  async release(): Promise<void> {
    try {
      if ((await readLock(this.#path))?.text === this.#content) await rm(this.#path, { force: true });
    } catch {
      abandoned.add(this.#content);
    }
  }

  /** Complete from the first moment: a lock that is seen can be read. */
  async #create(): Promise<boolean> {
    const temporary = `${this.#path}.${randomUUID()}`;
    try {
      await writeFile(temporary, this.#content, { mode: 0o600, flag: 'wx', flush: true });
      await link(temporary, this.#path);
      return true;
    } catch (error) {
      const code = errnoOf(error);
      // ENOENT: the holder has swept ours away with what the dead had left.
      if (code === 'EEXIST' || (code === 'ENOENT' && (await readLock(this.#path)) !== undefined))
        return false;
      throw lockFault(this.#path, error);
    } finally {
      // What stays is swept with what the dead have left; the lock itself is ours, or it is not.
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }
}

function lockFault(path: string, cause: unknown): ClawbackError {
  const code = errnoOf(cause);
  return new ClawbackError('store-io', `lock the store: ${code ?? describe(cause)}`, {
    hint: isFull(code)
      ? 'the disk is full to the last block; free a few KB there and run again'
      : `check ${dirname(path)}: its permissions, and the disk that holds it`,
    cause,
  });
}

async function readLock(path: string): Promise<{ text: string; holder: Holder | undefined } | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    return { text, holder: parseHolder(text) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw lockFault(path, error);
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder> | null;
    return typeof value?.pid === 'number' && typeof value.host === 'string' ? (value as Holder) : undefined;
  } catch {
    // Not ours to judge: an unreadable lock counts as held.
    return undefined;
  }
}

/** Only a holder on this host can be known to be dead. */
function isStale(holder: Holder | undefined): boolean {
  return (
    holder !== undefined && holder.host === hostname() && !isProcessAlive(holder.pid, holder.processStart)
  );
}

/** Moves the lock aside and looks again, so that two who find it stale do not remove each other's. */
async function removeStale(path: string, text: string): Promise<void> {
  const aside = `${path}.stale-${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  const moved = await readLock(aside);
  if (moved !== undefined && moved.text !== text) await putBack(aside, path);
  await rm(aside, { force: true });
}

async function putBack(aside: string, path: string): Promise<void> {
  try {
    await link(aside, path);
  } catch (error) {
    const code = errnoOf(error);
    // Another holder has the name by now, or has swept ours away.
    if (code !== 'EEXIST' && code !== 'ENOENT') throw error;
  }
}

function heldBy(path: string, holder: Holder | undefined): ClawbackError {
  const who =
    holder === undefined
      ? 'an unreadable lock file'
      : `${holder.command}, process ${holder.pid} on ${holder.host} since ${holder.since}`;
  return new ClawbackError('locked', `lock the store: held by ${who}`, {
    hint: `wait for it to end; if it is certainly not running any more, remove ${path}`,
    retryable: true,
  });
}
