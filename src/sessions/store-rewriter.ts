import { setTimeout as delay } from 'node:timers/promises';
import { ClawbackError } from '../errors.ts';
import { rowSha256 } from './canonical-json.ts';
import type { Row, RowChange, RowOutcome } from './session-store.ts';
import { isUnchanged, type LoadedStore, loadStore, lookAtStore, replaceStore } from './store-file.ts';
import { StoreText } from './store-text.ts';

/** Between two attempts, at random: two writers in step would meet for ever. */
const MAX_PAUSE_MS = 20;

/** How long an attempt waits for another writer's rename, at random: longer than a busy one takes. */
const MAX_WAIT_MS = 120;

export interface RewriterOptions {
  /** Other processes write too: no attempt is worth making while one of them is about to rename. */
  readonly isLive: boolean;
  /** Told of every attempt that came to nothing. */
  readonly onRetry?: () => void;
}

/**
 * The rewrites of one sessions.json during one commit. The first reads and parses the whole file; from then on only
 * what another process has changed is parsed, and only rows that are others than before are hashed, so that
 * from a read to the rename over it a few milliseconds pass.
 */
export class StoreRewriter {
  readonly #path: string;
  readonly #options: RewriterOptions;
  readonly #hashes = new WeakMap<Row, string>();
  #seen: { readonly text: StoreText; readonly stats: LoadedStore['stats'] } | undefined;
  #attempts = 0;

  constructor(path: string, options: RewriterOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** The rows as they are now. @throws {ClawbackError} if the store cannot be read. */
  look(): ReadonlyMap<string, Row> {
    if (this.#seen !== undefined && isUnchanged(this.#path, this.#seen.stats)) return rowsOf(this.#seen.text);
    const { bytes, stats } = loadStore(this.#path);
    const text = this.#seen?.text.reparse(bytes, this.#path) ?? StoreText.parse(bytes, this.#path);
    this.#seen = { text, stats };
    return rowsOf(text);
  }

  /** `rowSha256`, remembered for rows that have not been read anew. */
  hash(row: Row): string {
    if (typeof row !== 'object' || row === null) return rowSha256(row);
    const known = this.#hashes.get(row) ?? rowSha256(row);
    this.#hashes.set(row, known);
    return known;
  }

  /**
   * One atomic rewrite with every change whose expectation holds. The outcome of a change that was made is
   * `committed`; without any the file is not touched.
   *
   * @throws {ClawbackError} `store-busy` if until then other writers kept getting in between.
   */
  async rewrite(changes: readonly RowChange[], deadlineMs: number): Promise<ReadonlyMap<string, RowOutcome>> {
    for (;;) {
      if (this.#attempts > 0 && performance.now() > deadlineMs) throw this.#busy(changes.length);
      const outcomes = this.#attempt(changes);
      if (outcomes !== undefined) return outcomes;
      this.#options.onRetry?.();
      await this.pause();
    }
  }

  /**
   * Until a moment at which an attempt may succeed. A writer that has just renamed is not in the middle of a write: who
   * begins right behind it is done before its next one. Behind one that never rests, only chance helps.
   */
  async pause(): Promise<void> {
    if (!this.#options.isLive || Math.random() < 0.5) {
      await delay(Math.random() * MAX_PAUSE_MS);
      return;
    }
    const stats = lookAtStore(this.#path);
    const untilMs = performance.now() + Math.random() * MAX_WAIT_MS;
    while (stats !== undefined && performance.now() < untilMs && isUnchanged(this.#path, stats))
      await delay(1);
  }

  /** Undefined if the file changed while we looked. */
  #attempt(changes: readonly RowChange[]): ReadonlyMap<string, RowOutcome> | undefined {
    const rows = this.look();
    const outcomes = new Map(changes.map((change) => [change.sessionKey, this.#judge(change, rows)]));
    const accepted = new Map(
      changes
        .filter(({ sessionKey }) => outcomes.get(sessionKey) === 'committed')
        .map(({ sessionKey, replaceWith }) => [sessionKey, replaceWith]),
    );
    if (accepted.size === 0 || this.#seen === undefined) return outcomes;
    this.#attempts += 1;
    const { text, stats } = this.#seen;
    const isReplaced = replaceStore(this.#path, text.with(accepted), stats, {
      // OpenClaw itself never syncs; the first attempt has the time, the others win by being quick.
      syncFirst: this.#attempts === 1,
      yieldToWriters: this.#options.isLive,
    });
    return isReplaced ? outcomes : undefined;
  }

  #judge({ sessionKey, expectSha256 }: RowChange, rows: ReadonlyMap<string, Row>): RowOutcome {
    const row = rows.get(sessionKey);
    if (row === undefined) return expectSha256 === null ? 'committed' : 'gone';
    return expectSha256 !== null && this.hash(row) === expectSha256 ? 'committed' : 'changed';
  }

  #busy(count: number): ClawbackError {
    return new ClawbackError(
      'store-busy',
      `commit ${count} rows to ${this.#path}: it changed ${this.#attempts} times while we looked`,
      {
        hint: 'run again at a quieter moment; no file was removed',
        retryable: true,
      },
    );
  }
}

function rowsOf(text: StoreText): ReadonlyMap<string, Row> {
  return new Map(text.rows.map(({ sessionKey, row }) => [sessionKey, row]));
}
