import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errnoOf } from '../errors.ts';
import { THAW_TIERS } from '../objects/cold.ts';
import type { LocalState } from './local-state.ts';
import { replaceStateFile } from './state-file.ts';

const askedSchema = z.record(
  z.string(),
  z.object({
    /** Epoch milliseconds: a moment that a Date can hold. */
    atMs: z.number().int().positive().max(8.64e15),
    tier: z.enum(THAW_TIERS),
    /** When it is there at the latest, as far as the service says how long it takes. */
    readyByMs: z.number().int().positive().max(8.64e15),
  }),
);

/** When a thaw was asked for, and how. */
export type AskedThaw = z.infer<typeof askedSchema>[string];

/** No thaw takes longer than two days. */
const KEPT_MS = 7 * 86_400_000;

/**
 * Which thaws were asked for from here: S3 says that one is in progress, and neither since when nor how fast. Losing
 * the file costs no more than those two words.
 */
export class AskedThaws {
  readonly #directory: string;
  readonly #archiveUrl: string;

  constructor({ directory }: Pick<LocalState, 'directory'>, archiveUrl: string) {
    this.#directory = directory;
    this.#archiveUrl = archiveUrl;
  }

  async of(key: string): Promise<AskedThaw | undefined> {
    return (await this.#read())[this.#name(key)];
  }

  async record(key: string, thaw: AskedThaw): Promise<void> {
    const kept = Object.entries(await this.#read()).filter(([, { atMs }]) => thaw.atMs - atMs < KEPT_MS);
    const text = `${JSON.stringify(Object.fromEntries([...kept, [this.#name(key), thaw]]))}\n`;
    await replaceStateFile(this.#path, text);
  }

  #name(key: string): string {
    return `${this.#archiveUrl.replace(/\/+$/, '')}/${key}`;
  }

  get #path(): string {
    return join(this.#directory, 'asked-thaws.json');
  }

  /** A file of ours that is torn counts as not there. */
  async #read(): Promise<Readonly<Record<string, AskedThaw>>> {
    try {
      return askedSchema.parse(JSON.parse(await readFile(this.#path, 'utf8')));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError || error instanceof z.ZodError)
        return {};
      throw error;
    }
  }
}
