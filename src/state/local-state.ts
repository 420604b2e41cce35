import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ClawbackError, describe, errnoOf } from '../errors.ts';
import { isInstance } from '../manifest/keys.ts';
import { onFile } from '../system-error.ts';
import { replaceStateFile, writingState } from './state-file.ts';

/** One file for each name: the gateway and the command line may write at once. */
const restoredSchema = z.object({ name: z.string(), atMs: z.number() });
const RESTORED_NAME = /^[0-9a-f]{64}\.json$/;
/** Before that, one file for all; it is still read. */
const oldRestoredSchema = z.record(z.string(), z.number());

const drillSchema = z.object({
  /** When it began, in epoch milliseconds: a moment that a Date can hold. */
  atMs: z.number().int().positive().max(8.64e15),
  /** URL of the archive that was drilled. */
  archive: z.string(),
  /** Session generations that there were to choose from. */
  archived: z.number().int().nonnegative(),
  /** How many of them were restored. */
  sampled: z.number().int().nonnegative(),
  /** Sessions that did not come back as recorded, and damaged catalogues and manifests. 0: all is well. */
  faults: z.number().int().nonnegative(),
});

/** What the last restore drill came to. */
export type LastDrill = z.infer<typeof drillSchema>;

/**
 * clawback's own folder, `<stateDir>/clawback`. Apart from the instance's name it is a cache: losing it
 * costs time, never data.
 */
export class LocalState {
  readonly directory: string;

  constructor(stateDir: string) {
    this.directory = join(stateDir, 'clawback');
  }

  get cacheDir(): string {
    return join(this.directory, 'cache');
  }

  /** The name of this OpenClaw in a shared archive. Undefined until it has archived for the first time. */
  async instance(): Promise<string | undefined> {
    const path = join(this.directory, 'instance');
    const kept = (await readIfThere(path))?.trim();
    if (kept === undefined || isInstance(kept)) return kept;
    throw new ClawbackError('config-invalid', `read ${path}: it holds no usable name`, {
      hint: 'write the name of the top-level folder of your archive into it; a new name would hide what is archived',
    });
  }

  /** The same, made now if need be and then kept. */
  async makeInstance(): Promise<string> {
    const kept = await this.instance();
    if (kept !== undefined) return kept;
    const path = join(this.directory, 'instance');
    const made = `oc-${randomBytes(6).toString('hex')}`;
    return writingState(path, async () => {
      const temporary = `${path}.${randomUUID()}`;
      try {
        await writeFile(temporary, `${made}\n`, { mode: 0o600, flag: 'wx', flush: true });
        // Linked, so that whoever sees the name sees it whole, and whoever comes second takes the first one's.
        await link(temporary, path);
        return made;
      } catch (error) {
        const others = errnoOf(error) === 'EEXIST' ? await this.instance() : undefined;
        if (others === undefined) throw error;
        return others;
      } finally {
        await rm(temporary, { force: true });
      }
    });
  }

  /** When each session id (or the key of a row without one) was last restored by hand, in epoch milliseconds: it keeps the next run from archiving it again at once. */
  async restoredAtMs(): Promise<ReadonlyMap<string, number>> {
    const restored = await readRestored(this.#oldRestoredPath, oldRestoredSchema);
    const atMs = new Map(Object.entries(restored ?? {}));
    for (const file of await listIfThere(this.#restoredDir)) {
      if (!RESTORED_NAME.test(file)) continue;
      const one = await readRestored(join(this.#restoredDir, file), restoredSchema);
      if (one !== undefined) atMs.set(one.name, Math.max(one.atMs, atMs.get(one.name) ?? 0));
    }
    return atMs;
  }

  async recordRestored(names: readonly string[], nowMs: number): Promise<void> {
    for (const name of names) {
      const file = `${createHash('sha256').update(name).digest('hex')}.json`;
      await replaceStateFile(join(this.#restoredDir, file), `${JSON.stringify({ name, atMs: nowMs })}\n`);
    }
  }

  /** When `clawback nightly` last began a run, in epoch milliseconds. Undefined: never, or nobody knows any more. */
  async lastNightMs(): Promise<number | undefined> {
    const startedMs = Number(await readIfThere(this.#nightPath));
    return Number.isSafeInteger(startedMs) && startedMs > 0 ? startedMs : undefined;
  }

  async recordNight(nowMs: number): Promise<void> {
    await replaceStateFile(this.#nightPath, `${nowMs}\n`);
  }

  /** Undefined: none yet, or nobody knows any more. */
  async lastDrill(): Promise<LastDrill | undefined> {
    const text = await readIfThere(this.#drillPath);
    return text === undefined ? undefined : drillSchema.safeParse(parsedOr(text, null)).data;
  }

  async recordDrill(drill: LastDrill): Promise<void> {
    await replaceStateFile(this.#drillPath, `${JSON.stringify(drill)}\n`);
  }

  get #drillPath(): string {
    return join(this.directory, 'last-drill.json');
  }

  get #nightPath(): string {
    return join(this.directory, 'last-night');
  }

  get #restoredDir(): string {
    return join(this.directory, 'restored');
  }

  get #oldRestoredPath(): string {
    return join(this.directory, 'restored.json');
  }
}

/** @throws {ClawbackError} `config-invalid` if it does not hold what it should. */
async function readRestored<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new ClawbackError('config-invalid', `read ${path}: ${describe(error).split('\n')[0]}`, {
      hint: 'remove the file: restored conversations may then be archived again, nothing is lost',
    });
  }
}

/** A file of ours that is torn counts as not there. */
function parsedOr(text: string, otherwise: unknown): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return otherwise;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  return unlessAbsent(onFile(path, () => readFile(path, 'utf8')));
}

async function listIfThere(path: string): Promise<readonly string[]> {
  return (await unlessAbsent(readdir(path))) ?? [];
}

async function unlessAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
