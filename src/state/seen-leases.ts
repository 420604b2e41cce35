import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errnoOf } from '../errors.ts';
import type { LocalState } from './local-state.ts';
import { replaceStateFile } from './state-file.ts';

/** Archive and instance → store id → number. */
const seenSchema = z.record(z.string(), z.record(z.string(), z.number().int().positive()));

/**
 * The highest lease that this host has had of each store, by archive: an archive that knows less is not the one that we
 * archived into. Losing the file costs that warning and nothing else.
 */
export class SeenLeases {
  readonly path: string;
  readonly #name: string;

  constructor({ directory }: Pick<LocalState, 'directory'>, archiveUrl: string, instance: string) {
    this.path = join(directory, 'seen-leases.json');
    this.#name = `${archiveUrl.replace(/\/+$/, '')}/${instance}`;
  }

  /** Store id → number. */
  async numbers(): Promise<ReadonlyMap<string, number>> {
    return new Map(Object.entries((await this.#read())[this.#name] ?? {}));
  }

  /** @throws {ClawbackError} `state-io`. */
  async record(numbers: ReadonlyMap<string, number>): Promise<void> {
    const all = await this.#read();
    const ours = { ...all[this.#name], ...Object.fromEntries(numbers) };
    await replaceStateFile(this.path, `${JSON.stringify({ ...all, [this.#name]: ours })}\n`);
  }

  /** A file of ours that is torn counts as not there. */
  async #read(): Promise<z.infer<typeof seenSchema>> {
    try {
      return seenSchema.parse(JSON.parse(await readFile(this.path, 'utf8')));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError || error instanceof z.ZodError)
        return {};
      throw error;
    }
  }
}
