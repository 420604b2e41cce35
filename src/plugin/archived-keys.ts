import type { Archive } from '../archive/archive.ts';
import type { Clock } from '../clock.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';

/** Conversations archived since are not missed: their rows say so themselves for at least 30 days. */
const KEPT_MS = 10 * 60_000;
/** After a failure new conversations are not held up one by one. */
const PAUSE_MS = 60_000;

/** Which conversations are in the archive, for those whose row is gone. Read when first asked, then kept for 10 minutes. */
export class ArchivedKeys {
  readonly #clock: Clock;
  #archive: Archive | undefined;
  #generations: Promise<ReadonlyMap<string, string>> = Promise.resolve(new Map());
  #dueMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The archive id of the newest generation under this very key. @throws {ClawbackError} if the catalogue cannot be read. */
  async find(archive: Archive, sessionKey: string, signal: AbortSignal): Promise<string | undefined> {
    if (this.#archive !== archive || this.#clock.nowMs() >= this.#dueMs) this.#read(archive, signal);
    return (await this.#generations).get(sessionKey);
  }

  #read(archive: Archive, signal: AbortSignal): void {
    const before = this.#archive === archive ? this.#generations : Promise.resolve(new Map<string, string>());
    const reading = readNewest(archive, signal);
    this.#archive = archive;
    this.#generations = reading;
    this.#dueMs = this.#clock.nowMs() + KEPT_MS;
    reading.catch(() => {
      // Whoever waits hears of it; the next ones use what was known.
      this.#generations = before;
      this.#dueMs = this.#clock.nowMs() + PAUSE_MS;
    });
  }
}

async function readNewest(archive: Archive, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const [rows, marks] = await Promise.all([
    archive.catalogue({ onDamage: () => {}, signal }),
    archive.marks({ signal }),
  ]);
  return newestGenerations(rows.filter((row) => !marks.isForgotten(row.archive_id)));
}

/** @param rows the catalogue, oldest first. */
export function newestGenerations(rows: readonly CatalogueRow[]): ReadonlyMap<string, string> {
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
