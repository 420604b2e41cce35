import type { Archive } from '../archive/archive.ts';
import type { Clock } from '../clock.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';

/** Conversations archived since are not missed: their rows say so themselves for at least 30 days. */
const KEPT_MS = 10 * 60_000;
/** How much longer, after a failure, what was read before serves: new conversations are not held up one by one. */
const PAUSE_MS = 60_000;

/** The archive id of the newest generation, by session key. */
type Generations = ReadonlyMap<string, string>;

/**
 * Which conversations are in the archive, for those whose row is gone. Read when first asked, then kept for 10 minutes.
 * All who ask meanwhile wait for one reading, which goes on whoever of them gives up; one that fails is no answer.
 */
export class ArchivedKeys {
  readonly #clock: Clock;
  #archive: Archive | undefined;
  #known: { readonly generations: Generations; readonly dueMs: number } | undefined;
  #reading: Promise<Generations> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The archive id of the newest generation under this very key. Waits no longer than until `signal` is aborted.
   * @throws {ClawbackError} if the catalogue cannot be read.
   */
  async find(archive: Archive, sessionKey: string, signal: AbortSignal): Promise<string | undefined> {
    signal.throwIfAborted();
    if (this.#archive !== archive) {
      this.#archive = archive;
      this.#known = undefined;
      this.#reading = undefined;
    }
    if (this.#known !== undefined && this.#clock.nowMs() < this.#known.dueMs)
      return this.#known.generations.get(sessionKey);
    this.#reading ??= this.#read(archive);
    return (await untilAborted(this.#reading, signal)).get(sessionKey);
  }

  async #read(archive: Archive): Promise<Generations> {
    const before = this.#known?.generations;
    const keep = (generations: Generations | undefined, forMs: number) => {
      // Of an archive that is not the configured one any more nothing is kept.
      if (this.#archive !== archive) return;
      this.#known = generations && { generations, dueMs: this.#clock.nowMs() + forMs };
      this.#reading = undefined;
    };
    try {
      const generations = await readNewest(archive);
      keep(generations, KEPT_MS);
      return generations;
    } catch (error) {
      // Whoever waits hears of it; the next ones use what was known, or read again.
      keep(before, PAUSE_MS);
      throw error;
    }
  }
}

/** @throws the signal's reason if it is aborted first; what is waited for goes on. */
async function untilAborted<T>(waited: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([waited, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function readNewest(archive: Archive): Promise<Generations> {
  const [rows, marks] = await Promise.all([archive.catalogue({ onDamage: () => {} }), archive.marks()]);
  return newestGenerations(rows.filter((row) => !marks.isForgotten(row.archive_id)));
}

/** @param rows the catalogue, oldest first. */
export function newestGenerations(rows: readonly CatalogueRow[]): Generations {
  const newest = new Map<string, CatalogueRow>();
  for (const row of rows) {
    if (row.session_key === null || row.action === 'files') continue;
    const known = newest.get(row.session_key);
    // The same session once more after its files had gone: a gateway had written the row back from memory.
    const isRemnant = known?.session_id === row.session_id && row.files < (known?.files ?? 0);
    if (!isRemnant) newest.set(row.session_key, row);
  }
  return new Map([...newest].map(([sessionKey, row]) => [sessionKey, row.archive_id]));
}
