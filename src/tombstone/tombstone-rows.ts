import { basename } from 'node:path';
import type { FileFolders } from '../manifest/file-place.ts';
import type { RowChange, RowOutcome, SessionStore } from '../sessions/session-store.ts';
import { syncDirectory } from '../sessions/sync-directory.ts';
import type { Abandoned, CommittedSession } from './committed.ts';
import type { Rechecked } from './recheck.ts';
import { removeOwnStub, writeStub } from './stub-transcript.ts';

/** Sessions whose rows no longer need their files, as of now. Only its own functions make one. */
export class Tombstoned {
  readonly folders: FileFolders;
  readonly sessions: readonly CommittedSession[];
  /** Rows that were archived but stay, with the reason. */
  readonly abandoned: readonly Abandoned[];
  /** `SessionStore.settleMs`: how long another process may still bring the rows back. */
  readonly settleMs: number;

  private constructor(
    folders: FileFolders,
    sessions: readonly CommittedSession[],
    abandoned: readonly Abandoned[],
    settleMs: number,
  ) {
    this.folders = folders;
    this.sessions = sessions;
    this.abandoned = abandoned;
    this.settleMs = settleMs;
  }

  /** Files that no row references: there is no row to come back. */
  static withoutRows(folders: FileFolders, { ready }: Rechecked): Tombstoned {
    const filesOnly = ready.filter(({ entry }) => entry.action === 'files');
    return new Tombstoned(folders, filesOnly, [], 0);
  }

  /** Rows that an earlier run has changed, perhaps a moment ago. */
  static byEarlierRun(store: SessionStore, folders: FileFolders, { done }: Rechecked): Tombstoned {
    return new Tombstoned(folders, done, [], store.settleMs);
  }

  /**
   * Changes all ready rows in one atomic rewrite of the store. Stub transcripts are there before the rows
   * that name them.
   */
  static async commit(store: SessionStore, folders: FileFolders, checked: Rechecked): Promise<Tombstoned> {
    const { sessionsDir } = folders;
    for (const { session, hasStrayStub } of checked.abandoned) {
      if (hasStrayStub) await removeOwnStub(sessionsDir, session.entry);
    }
    const withRow = checked.ready.filter(({ entry }) => entry.action !== 'files');
    if (withRow.length === 0) return new Tombstoned(folders, [], checked.abandoned, store.settleMs);
    for (const session of withRow) await writeStub(sessionsDir, session.entry);
    await syncDirectory(sessionsDir);
    const outcomes = await store.commit(withRow.map(rowChange));
    const named = await namedFiles(store, outcomes);
    const committed: CommittedSession[] = [];
    const abandoned: Abandoned[] = [];
    for (const session of withRow) {
      const outcome = outcomes.get(session.entry.sessionKey as string);
      if (outcome === 'committed') committed.push(session);
      else {
        if (!named.has(session.entry.tombstone?.sessionFile)) await removeOwnStub(sessionsDir, session.entry);
        abandoned.push({ session, why: WHY[outcome ?? 'rejected'], hasStrayStub: false });
      }
    }
    return new Tombstoned(folders, committed, [...checked.abandoned, ...abandoned], store.settleMs);
  }
}

/** A row that took our change and was written to since may name its stub still. */
async function namedFiles(
  store: SessionStore,
  outcomes: ReadonlyMap<string, RowOutcome>,
): Promise<ReadonlySet<unknown>> {
  if ([...outcomes.values()].every((outcome) => outcome === 'committed')) return new Set();
  // Gateways from 2026.6.11 on spell a bare name out as a path.
  return new Set((await store.read()).rows.map(({ row }) => basename(String(row.sessionFile))));
}

const WHY = {
  changed: 'row-changed',
  gone: 'row-gone',
  active: 'now-active',
  rejected: 'rejected',
} as const satisfies Record<Exclude<RowOutcome, 'committed'>, Abandoned['why']>;

function rowChange({ entry }: CommittedSession): RowChange {
  return {
    sessionKey: entry.sessionKey as string,
    archiveId: entry.archiveId,
    expectSha256: entry.rowSha256,
    replaceWith: entry.tombstone,
  };
}
