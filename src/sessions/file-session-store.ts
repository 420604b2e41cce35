import { setTimeout as delay } from 'node:timers/promises';
import { isClawbackError } from '../errors.ts';
import { isSameButDerived } from './derived-fields.ts';
import type { LiveTimes } from './live-times.ts';
import type { Row, RowChange, RowOutcome, SessionStore, StoreSnapshot } from './session-store.ts';
import { loadStore } from './store-file.ts';
import { StoreRewriter } from './store-rewriter.ts';
import { StoreText } from './store-text.ts';

/** How often a commit that is watched is looked at: often at first, since a busy writer overwrites it at once. */
const WATCH_MS = { first: 5, last: 50 };

/** Where nobody else should be writing, a commit need not wait long for a quiet moment. */
const PATIENCE_MS = 10_000;

export interface FileSessionStoreOptions {
  /** Set if an OpenClaw process may write the store too. */
  readonly live?: LiveTimes;
  /** Told of every attempt of a commit that came to nothing, or was overwritten. */
  readonly onRetry?: () => void;
}

/**
 * OpenClaw's sessions.json, releases up to 2026.7.35. There is no cross-process lock on it: a commit
 * re-reads, splices, writes a temporary file, looks once more whether the file is the one it read, and renames.
 * Beside a live OpenClaw it then watches: a change that was overwritten by the row as it was before is made again,
 * and a row that has moved on is `changed`.
 */
export class FileSessionStore implements SessionStore {
  readonly kind = 'file';
  readonly path: string;
  readonly #live: LiveTimes | undefined;
  readonly #onRetry: () => void;

  constructor(path: string, { live, onRetry = () => {} }: FileSessionStoreOptions = {}) {
    this.path = path;
    this.#live = live;
    this.#onRetry = onRetry;
  }

  get settleMs(): number {
    return this.#live?.settleMs ?? 0;
  }

  async read(): Promise<StoreSnapshot> {
    const { bytes } = loadStore(this.path);
    const all = StoreText.parse(bytes, this.path).rows;
    const rows = all
      .filter(({ row }) => typeof row === 'object' && row !== null && !Array.isArray(row))
      .map(({ sessionKey, row }) => ({ sessionKey, row }));
    return { rows, malformedRows: all.length - rows.length, bytes: bytes.length };
  }

  async commit(changes: readonly RowChange[]): Promise<ReadonlyMap<string, RowOutcome>> {
    const rewriter = new StoreRewriter(this.path, {
      isLive: this.#live !== undefined,
      onRetry: this.#onRetry,
    });
    const deadlineMs = performance.now() + (this.#live?.patienceMs ?? PATIENCE_MS);
    const outcomes = new Map(await rewriter.rewrite(changes, deadlineMs));
    const made = () => changes.filter(({ sessionKey }) => outcomes.get(sessionKey) === 'committed');
    for (;;) {
      const overwritten = await this.#watch(rewriter, made(), outcomes);
      if (overwritten.length === 0) return outcomes;
      this.#onRetry();
      for (const { sessionKey } of overwritten) outcomes.set(sessionKey, 'changed');
      await rewriter.pause();
      try {
        for (const [key, outcome] of await rewriter.rewrite(overwritten, deadlineMs))
          outcomes.set(key, outcome);
      } catch (error) {
        // What holds has to be told: its files are freed by it.
        if (!isClawbackError(error) || error.code !== 'store-busy' || made().length === 0) throw error;
      }
    }
  }

  /**
   * Returns as soon as some of the changes were overwritten, or, with none, when the time is over. Rows that
   * have moved on are `changed`, whatever we believe to have written.
   */
  async #watch(
    rewriter: StoreRewriter,
    changes: readonly RowChange[],
    outcomes: Map<string, RowOutcome>,
  ): Promise<readonly RowChange[]> {
    if (changes.length === 0) return [];
    const untilMs = performance.now() + (this.#live?.lookAgainMs ?? 0);
    for (let pauseMs = WATCH_MS.first; ; pauseMs = Math.min(pauseMs * 1.3, WATCH_MS.last)) {
      const rows = rewriter.look();
      const overwritten = changes.filter((change) => {
        const found = rows.get(change.sessionKey);
        if (holds(found, change.replaceWith, rewriter)) return false;
        const isAsBefore =
          found === undefined ? change.expectSha256 === null : rewriter.hash(found) === change.expectSha256;
        if (!isAsBefore || this.#live === undefined) outcomes.set(change.sessionKey, 'changed');
        return isAsBefore && this.#live !== undefined;
      });
      if (overwritten.length > 0 || performance.now() >= untilMs) return overwritten;
      await delay(Math.min(pauseMs, Math.max(1, untilMs - performance.now())));
    }
  }
}

function holds(found: Row | undefined, wanted: Row | null, rewriter: StoreRewriter): boolean {
  if (wanted === null) return found === undefined;
  if (found === undefined) return false;
  return rewriter.hash(found) === rewriter.hash(wanted) || isSameButDerived(found, wanted);
}
