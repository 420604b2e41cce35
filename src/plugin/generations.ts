import type { Archive } from '../archive/archive.ts';
import { isClawbackError } from '../errors.ts';
import { parseArchiveId } from '../manifest/keys.ts';
import type { ArchivedGeneration } from './prove-change.ts';

/** A commit asks for the rows of one batch or a few; a manifest of 500 rows is several tens of MB once parsed. */
const CACHED_BATCHES = 2;
const CACHE_MS = 60_000;

type Batch = ReadonlyMap<string, ArchivedGeneration>;

/** Archived generations by archive id, from manifests: immutable, so that those of the last batches are kept a minute. */
export class Generations {
  readonly #archive: Archive;
  readonly #batches = new Map<string, Promise<Batch>>();
  #forget: NodeJS.Timeout | undefined;

  constructor(archive: Archive) {
    this.#archive = archive;
  }

  /**
   * Undefined: the archive holds none.
   * @throws {ClawbackError} if the archive cannot be asked: then nothing is known, which is not the same.
   */
  async find(archiveId: string): Promise<ArchivedGeneration | undefined> {
    const batchId = parseArchiveId(archiveId)?.batchId;
    return batchId === undefined ? undefined : (await this.#batch(batchId)).get(archiveId);
  }

  #batch(batchId: string): Promise<Batch> {
    clearTimeout(this.#forget);
    this.#forget = setTimeout(() => this.#batches.clear(), CACHE_MS);
    this.#forget.unref();
    const known = this.#batches.get(batchId);
    if (known !== undefined) return known;
    const reading = this.#read(batchId);
    this.#batches.set(batchId, reading);
    for (const oldest of this.#batches.keys()) {
      if (this.#batches.size <= CACHED_BATCHES) break;
      this.#batches.delete(oldest);
    }
    // Absent today, there tomorrow: only what was read is kept.
    reading.then(
      (batch) => batch.size === 0 && this.#batches.delete(batchId),
      () => this.#batches.delete(batchId),
    );
    return reading;
  }

  async #read(batchId: string): Promise<Batch> {
    try {
      const { source, sessions } = await this.#archive.manifest(batchId);
      return new Map(
        sessions.map(({ archiveId, sessionKey, row, rowSha256, tombstone }) => [
          archiveId,
          { storeId: source.storeId, session: { sessionKey, row, rowSha256, tombstone } },
        ]),
      );
    } catch (error) {
      if (isClawbackError(error) && error.code === 'object-not-found') return new Map();
      throw error;
    }
  }
}
