import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';

/**
 * Local copies of catalogues, marks and reports. They never change once written, so a copy is never stale; a damaged
 * one fails its own checksum and is fetched again.
 */
export class CatalogueCache {
  readonly #directory: string;
  readonly #archiveUrl: string;

  constructor(directory: string, archiveUrl: string) {
    this.#directory = directory;
    this.#archiveUrl = archiveUrl;
  }

  /** @param prefix with which the key begins: those of one prefix are swept together. */
  async get(prefix: string, key: string, fetch: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const path = this.#pathOf(prefix, key);
    const kept = await readIfReadable(path);
    if (
      kept !== undefined &&
      sha256(kept.subarray(DIGEST_CHARS)) === kept.subarray(0, DIGEST_CHARS).toString('latin1')
    ) {
      return kept.subarray(DIGEST_CHARS);
    }
    const bytes = await fetch();
    await this.#keep(path, bytes);
    return bytes;
  }

  /**
   * Drops the copies of objects below `prefix` that are not among these: they were deleted, and what they say of a
   * conversation must not outlive them here.
   */
  async keepOnly(prefix: string, keys: readonly string[]): Promise<void> {
    const group = this.#group(prefix);
    const kept = new Set(keys.map((key) => `${group}${sha256(key)}`));
    await unlessUnwritable(async () => {
      for (const name of await readdir(this.#directory)) {
        if (name.startsWith(group) && !kept.has(name)) await rm(join(this.#directory, name), { force: true });
      }
    });
  }

  drop(prefix: string, key: string): Promise<void> {
    return unlessUnwritable(() => rm(this.#pathOf(prefix, key), { force: true }));
  }

  #pathOf(prefix: string, key: string): string {
    return join(this.#directory, `${this.#group(prefix)}${sha256(key)}`);
  }

  /** Two archives may use the same key: the URL is part of the name. */
  #group(prefix: string): string {
    return `${sha256(`${this.#archiveUrl}\0${prefix}`).slice(0, GROUP_CHARS)}-`;
  }

  #keep(path: string, bytes: Uint8Array): Promise<void> {
    return unlessUnwritable(() => this.#write(path, bytes));
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const temporary = `${path}.${randomUUID()}`;
    await writeFile(temporary, Buffer.concat([Buffer.from(sha256(bytes), 'latin1'), bytes]), { mode: 0o600 });
    await rename(temporary, path);
  }
}

const DIGEST_CHARS = 64;
const GROUP_CHARS = 16;

/** A folder that cannot be written costs time, nothing else. */
async function unlessUnwritable(effect: () => Promise<void>): Promise<void> {
  try {
    await effect();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** One that cannot be read is as good as none: the archive has the original. */
async function readIfReadable(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) !== undefined) return undefined;
    throw error;
  }
}
