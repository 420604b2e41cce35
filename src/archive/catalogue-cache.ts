import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';

/**
 * Local copies of catalogues and reports. They never change once written, so a copy is never stale; a damaged
 * one fails its own checksum and is fetched again.
 */
export class CatalogueCache {
  readonly #directory: string;
  readonly #archiveUrl: string;

  constructor(directory: string, archiveUrl: string) {
    this.#directory = directory;
    this.#archiveUrl = archiveUrl;
  }

  async get(key: string, fetch: () => Promise<Uint8Array>): Promise<Uint8Array> {
    // Two archives may use the same key: the URL is part of the name.
    const path = join(this.#directory, sha256(`${this.#archiveUrl}\0${key}`));
    const kept = await readIfThere(path);
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

  /** A folder that cannot be written costs time, nothing else. */
  async #keep(path: string, bytes: Uint8Array): Promise<void> {
    try {
      await this.#write(path, bytes);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const temporary = `${path}.${randomUUID()}`;
    await writeFile(temporary, Buffer.concat([Buffer.from(sha256(bytes), 'latin1'), bytes]), { mode: 0o600 });
    await rename(temporary, path);
  }
}

const DIGEST_CHARS = 64;

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
