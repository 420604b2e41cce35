import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ClawbackError, isClawbackError, toErrorData } from '../errors.ts';
import { parseArchiveId } from '../manifest/keys.ts';
import { reclaim } from '../reclaim/reclaim.ts';
import type { RunTally } from '../report.ts';
import { transcriptNameOf } from '../sessions/row.ts';
import { Settled } from '../settle/settled.ts';
import { Staged } from '../settle/staged.ts';
import { lockName, TranscriptLocks } from '../state/transcript-locks.ts';
import type { Abandoned, CommittedSession } from '../tombstone/committed.ts';
import { type Rechecked, recheck } from '../tombstone/recheck.ts';
import { removeOwnStub } from '../tombstone/stub-transcript.ts';
import { Tombstoned } from '../tombstone/tombstone-rows.ts';
import type { LineStore } from './line.ts';

/** How often rows are changed again that another process has put back, and a store is tried that is always being written. */
const ROUNDS = 3;

interface Pending {
  readonly store: LineStore;
  readonly staged: Staged;
}

/**
 * The second half of the line: recheck → tombstone → reclaim, and where another process may still overwrite a
 * commit, stage and settle in between. One for a run, so that all its commits wait together.
 */
export class Committing {
  readonly #tally: RunTally;
  readonly #unfinished = new Set<string>();
  #pending: Pending[] = [];

  constructor(tally: RunTally) {
    this.#tally = tally;
  }

  /**
   * Looks again, changes the rows, frees the files or has them wait. What fails is in the tally: the sessions are in
   * the archive, and the next run finishes them. Returns the sessions whose rows were others by now: they are
   * not in the tally yet, since they may be archived once more.
   */
  async commit(store: LineStore, sessions: readonly CommittedSession[]): Promise<readonly Abandoned[]> {
    let left = sessions;
    for (let round = 1; left.length > 0; round += 1) {
      try {
        return await this.#commitOnce(store, left);
      } catch (error) {
        const isBusy = isClawbackError(error) && error.code === 'store-busy';
        if (!isBusy || round === ROUNDS || store.sessions.settleMs === 0) {
          this.#fail(left, error);
          break;
        }
        // Loose files went in the first round. In between the locks are free for whoever waits for one.
        left = left.filter(({ entry }) => entry.action !== 'files');
      }
    }
    return [];
  }

  /** Whether all that was committed of a batch holds, and its files are gone. */
  isFinished(batchId: string): boolean {
    return !this.#unfinished.has(batchId);
  }

  /**
   * Waits until no row can come back, then frees the files of those that did not. Stopped by the signal it does nothing.
   * @param onWait told of each wait when it begins.
   */
  async settle(signal?: AbortSignal, onWait?: (leftMs: number) => void): Promise<void> {
    for (let round = 1; this.#pending.length > 0; round += 1) {
      const settledAtMs = Math.max(...this.#pending.map(({ staged }) => staged.settledAtMs));
      const leftMs = settledAtMs - performance.now();
      if (leftMs > 0) onWait?.(leftMs);
      if (!(await isReached(settledAtMs, signal))) return;
      // What is committed again meanwhile comes behind these, and waits anew.
      for (let left = this.#pending.length; left > 0; left -= 1) {
        const one = this.#pending.shift();
        if (one !== undefined) await this.#settleOne(one, round === ROUNDS);
      }
    }
  }

  /** Files that still wait go back to their places: the next run finishes what is left of them. */
  async giveBack(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    for (const { staged } of pending) {
      this.#markUnfinished(staged.sessions);
      this.#tally.left(await staged.close());
    }
  }

  async #commitOnce(store: LineStore, sessions: readonly CommittedSession[]): Promise<readonly Abandoned[]> {
    await store.assertMayCommit();
    const { sessionsDir } = store;
    const isLive = store.sessions.settleMs > 0;
    const transcripts = isLive ? sessions.flatMap(({ entry }) => transcriptNameOf(entry.row) ?? []) : [];
    const locks = await TranscriptLocks.take(sessionsDir, transcripts);
    try {
      const ours = new Set([...(await locks.held())].map(lockName));
      const fresh = recheck(sessions, await store.plan(ours));
      const checked = isLive ? withoutLocked(fresh, await locks.held()) : fresh;
      // Files that need no row changed go first: on a full disk they make the room that rewriting the store takes.
      await this.#free(Tombstoned.withoutRows(store, checked));
      const earlier = Tombstoned.byEarlierRun(store.sessions, store, checked);
      if (!isLive) await this.#free(earlier);
      const tombstoned = await Tombstoned.commit(store.sessions, store, checked);
      if (isLive) await this.#stage(store, [earlier, tombstoned]);
      else await this.#free(tombstoned);
      this.#tally.abandoned(tombstoned.abandoned.filter(({ why }) => why !== 'row-changed'));
      return tombstoned.abandoned.filter(({ why }) => why === 'row-changed');
    } finally {
      await locks.release();
    }
  }

  async #free(tombstoned: Tombstoned): Promise<void> {
    const reclaimed = await reclaim(Settled.atOnce(tombstoned));
    this.#tally.finished(tombstoned.sessions, reclaimed);
    if (reclaimed.left.some(({ isFailure }) => isFailure)) this.#markUnfinished(tombstoned.sessions);
  }

  async #stage(store: LineStore, tombstoned: readonly Tombstoned[]): Promise<void> {
    if (tombstoned.every(({ sessions }) => sessions.length === 0)) return;
    this.#pending.push({ store, staged: await Staged.stage(tombstoned, store) });
  }

  async #settleOne({ store, staged }: Pending, isLast: boolean): Promise<void> {
    let undecided = staged.sessions;
    try {
      await store.assertMayCommit();
      const { rows } = await store.sessions.read();
      const judged = staged.judge(rows);
      const { files, freedBytes, left } = await reclaim(Settled.afterWait(staged, judged));
      const reclaimed = { files, freedBytes, left: [...staged.left, ...left] };
      this.#tally.finished(judged.holding, reclaimed);
      undecided = [...judged.overwritten, ...judged.revived];
      if (reclaimed.left.some(({ isFailure }) => isFailure)) this.#markUnfinished(judged.holding);

      const again = await staged.putBack(judged.overwritten, Date.now());
      const whole = new Set(again.map(({ entry }) => entry.archiveId));
      const revived = judged.overwritten.filter(({ entry }) => !whole.has(entry.archiveId));
      // A gateway may have spelt the name out as a path.
      const named = new Set(rows.map(({ row }) => basename(String(row.sessionFile))));
      for (const { entry } of judged.revived) {
        if (!named.has(String(entry.tombstone?.sessionFile))) await removeOwnStub(store.sessionsDir, entry);
      }
      this.#tally.abandoned([...judged.revived, ...revived].map(asRevived));
      undecided = again;
      this.#tally.left(await staged.close());
      if (isLast) this.#fail(again, alwaysOverwritten(store.sessions.path));
      else this.#tally.abandoned(await this.commit(store, again));
    } catch (error) {
      this.#fail(undecided, error);
      this.#tally.left(await staged.close());
    }
  }

  #fail(sessions: readonly CommittedSession[], error: unknown): void {
    this.#markUnfinished(sessions);
    this.#tally.uncommitted(sessions, toErrorData(error));
  }

  #markUnfinished(sessions: readonly CommittedSession[]): void {
    for (const { entry } of sessions) {
      const batchId = parseArchiveId(entry.archiveId)?.batchId;
      if (batchId !== undefined) this.#unfinished.add(batchId);
    }
  }
}

/** A transcript that somebody else has locked belongs to a conversation that is in use. */
function withoutLocked(checked: Rechecked, held: ReadonlySet<string>): Rechecked {
  const isLocked = ({ entry }: CommittedSession) => {
    const name = transcriptNameOf(entry.row);
    return name !== undefined && !held.has(name);
  };
  const locked = [...checked.ready, ...checked.done].filter(isLocked);
  return {
    ready: checked.ready.filter((session) => !isLocked(session)),
    done: checked.done.filter((session) => !isLocked(session)),
    abandoned: [
      ...checked.abandoned,
      ...locked.map((session): Abandoned => ({ session, why: 'now-active', hasStrayStub: false })),
    ],
  };
}

function asRevived(session: CommittedSession): Abandoned {
  return { session, why: 'revived', hasStrayStub: false };
}

function alwaysOverwritten(path: string): ClawbackError {
  return new ClawbackError(
    'store-busy',
    `commit to ${path}: another process put the rows back ${ROUNDS} times`,
    {
      hint: 'run again at a quieter moment; the files of these sessions are in their places',
      retryable: true,
    },
  );
}

async function isReached(atMs: number, signal: AbortSignal | undefined): Promise<boolean> {
  const leftMs = atMs - performance.now();
  try {
    if (leftMs > 0) await delay(leftMs, undefined, signal ? { signal } : {});
    return !signal?.aborted;
  } catch (error) {
    if (signal?.aborted) return false;
    throw error;
  }
}
