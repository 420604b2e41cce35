import { randomUUID } from 'node:crypto';
import { type FileHandle, link, lstat, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import glob from 'fast-glob';
import { errnoOf } from '../errors.ts';
import { isRecord } from '../openclaw/read-json5.ts';
import { onFile } from '../system-error.ts';
import { LOCK_NAME } from './store-lock.ts';

/** OpenClaw takes a lock without a process id that was not touched for 5 s. */
const TOUCH_MS = 1_000;

/**
 * Locks on transcripts as OpenClaw respects them: `<transcript>.lock`, without a process id (one of a program that is
 * not OpenClaw is taken at once), touched every second. What a process that died leaves behind, OpenClaw takes
 * after 5 s. All of them are one file under many names, so that one touch serves all, and a name that leads to
 * that file is ours beyond doubt.
 */
export class TranscriptLocks {
  readonly #sessionsDir: string;
  readonly #names: ReadonlySet<string>;
  readonly #file: FileHandle | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #isNeglected = false;

  private constructor(sessionsDir: string, names: ReadonlySet<string>, file?: FileHandle) {
    this.#sessionsDir = sessionsDir;
    this.#names = names;
    this.#file = file;
    if (file === undefined) return;
    const touch = () => {
      const now = new Date();
      file.utimes(now, now).catch(() => {
        this.#isNeglected = true;
      });
    };
    this.#timer = setInterval(touch, TOUCH_MS);
  }

  /** Locks those of the transcripts that nobody has locked, even if only a dead process seems to hold the lock. */
  static async take(sessionsDir: string, transcripts: Iterable<string>): Promise<TranscriptLocks> {
    const wanted = new Set(transcripts);
    if (wanted.size === 0) return new TranscriptLocks(sessionsDir, wanted);
    // A name that is swept should we die here.
    const temporary = join(sessionsDir, `${LOCK_NAME}.${randomUUID()}`);
    const file = await open(temporary, 'wx', 0o600);
    try {
      await onFile(temporary, () => file.writeFile(`${JSON.stringify({ clawback: randomUUID() })}\n`));
      const taken = new Set<string>();
      for (const name of wanted) {
        if (await isLinked(temporary, join(sessionsDir, lockName(name)))) taken.add(name);
      }
      return new TranscriptLocks(sessionsDir, taken, file);
    } catch (error) {
      await file.close();
      throw error;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** The transcripts that are locked by us still; none if we could not touch the locks. */
  async held(): Promise<ReadonlySet<string>> {
    return this.#isNeglected ? new Set() : this.#ours();
  }

  async #ours(): Promise<ReadonlySet<string>> {
    const held = new Set<string>();
    for (const name of this.#names) if (await this.#isOurs(name)) held.add(name);
    return held;
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    try {
      for (const name of await this.held())
        await rm(join(this.#sessionsDir, lockName(name)), { force: true });
    } finally {
      await this.#file?.close();
    }
  }

  /** The file is open, so no other can have its number. */
  async #isOurs(name: string): Promise<boolean> {
    const ours = await this.#file?.stat({ bigint: true });
    try {
      const found = await lstat(join(this.#sessionsDir, lockName(name)), { bigint: true });
      return found.dev === ours?.dev && found.ino === ours.ino;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }
}

/** The file that locks a transcript. */
export function lockName(transcript: string): string {
  return `${transcript}.lock`;
}

async function isLinked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the locks of a clawback that died. Only the holder of the store's lock may call it: no other is alive. */
export async function sweepTranscriptLocks(sessionsDir: string): Promise<void> {
  const paths = await glob('*.lock', {
    cwd: sessionsDir,
    dot: true,
    followSymbolicLinks: false,
    absolute: true,
  });
  for (const path of paths) if (await isClawbacks(path)) await rm(path, { force: true });
}

async function isClawbacks(path: string): Promise<boolean> {
  try {
    const content: unknown = JSON.parse(await onFile(path, () => readFile(path, 'utf8')));
    return isRecord(content) && typeof content.clawback === 'string' && content.pid === undefined;
  } catch (error) {
    if (error instanceof SyntaxError || errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
