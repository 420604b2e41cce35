import { basename } from 'node:path';
import { describe } from '../errors.ts';
import type { FileFolders } from '../manifest/file-place.ts';
import { rowSha256 } from '../sessions/canonical-json.ts';
import { isSameButDerived } from '../sessions/derived-fields.ts';
import { transcriptNameOf } from '../sessions/row.ts';
import type { Row, StoreRow } from '../sessions/session-store.ts';
import { syncDirectory } from '../sessions/sync-directory.ts';
import type { ArchivedFile } from '../ship/task.ts';
import type { CommittedSession } from '../tombstone/committed.ts';
import type { Tombstoned } from '../tombstone/tombstone-rows.ts';
import type { LeftFile } from './left-file.ts';
import {
  closeStagingFolder,
  makeStagingFolder,
  stageFile,
  unstageFile,
  writeJournal,
} from './staged-files.ts';

/** What became of staged sessions while we waited. */
export interface Judged {
  /** The row is what we made of it. */
  readonly holding: readonly CommittedSession[];
  /** The row is what it was before: somebody wrote back what he had read. */
  readonly overwritten: readonly CommittedSession[];
  /** Anything else: the conversation is in use again. */
  readonly revived: readonly CommittedSession[];
}

/** Sessions whose rows are changed and whose files wait, out of OpenClaw's sight, until nobody can bring the rows back. */
export class Staged {
  readonly folders: FileFolders;
  readonly folder: string;
  /** With the files as they are known where they wait. */
  readonly sessions: readonly CommittedSession[];
  /** Files that stay where they are: they have changed, or could not be moved. */
  readonly left: readonly LeftFile[];
  /** `performance.now()` from which on the rows cannot come back. */
  readonly settledAtMs: number;

  private constructor(
    folders: FileFolders,
    folder: string,
    sessions: readonly CommittedSession[],
    left: readonly LeftFile[],
    settledAtMs: number,
  ) {
    this.folders = folders;
    this.folder = folder;
    this.sessions = sessions;
    this.left = left;
    this.settledAtMs = settledAtMs;
  }

  /** Moves the files of rows that were changed just now. */
  static async stage(tombstoned: readonly Tombstoned[], folders: FileFolders): Promise<Staged> {
    const { sessionsDir } = folders;
    const settledAtMs = performance.now() + Math.max(0, ...tombstoned.map(({ settleMs }) => settleMs));
    const wanted = tombstoned.flatMap(({ sessions }) => sessions);
    const folder = makeStagingFolder(sessionsDir);
    const left: LeftFile[] = [];
    const sessions: CommittedSession[] = [];
    if (wanted.some(({ files }) => files.length > 0)) await writeJournal(sessionsDir, folder, wanted);
    for (const session of wanted) {
      const files: ArchivedFile[] = [];
      for (const file of session.files) {
        const result = await stageFile(folders, folder, file);
        if ('why' in result) left.push(result);
        else files.push(result);
      }
      sessions.push({ ...session, files });
    }
    if (sessions.some(({ files }) => files.length > 0)) {
      await syncDirectory(folder);
      await syncDirectory(sessionsDir);
    }
    return new Staged(folders, folder, sessions, left, settledAtMs);
  }

  /** @param rows the store's, when the time is over. Pure. */
  judge(rows: readonly StoreRow[]): Judged {
    const byKey = new Map(rows.map(({ sessionKey, row }) => [sessionKey, row]));
    const named = new Set(rows.map(({ row }) => transcriptNameOf(row)));
    const holding: CommittedSession[] = [];
    const overwritten: CommittedSession[] = [];
    const revived: CommittedSession[] = [];
    for (const session of this.sessions) {
      const { entry, files } = session;
      const row = byKey.get(entry.sessionKey ?? '');
      if (row !== undefined && rowSha256(row) === entry.rowSha256) overwritten.push(session);
      else if (!isWhatWeMade(row, entry.tombstone)) revived.push(session);
      // Another row has taken the conversation over.
      else if (files.some(({ name }) => named.has(name))) revived.push(session);
      else holding.push(session);
    }
    return { holding, overwritten, revived };
  }

  /** Gives the files their places back. Sessions of which one lies beside its old name now are not in the result. */
  async putBack(sessions: readonly CommittedSession[], nowMs: number): Promise<readonly CommittedSession[]> {
    const whole: CommittedSession[] = [];
    for (const { entry, files } of sessions) {
      const back: (ArchivedFile | undefined)[] = [];
      for (const file of files) back.push(await unstageFile(this.folders, this.folder, file, nowMs));
      const known = back.filter((file) => file !== undefined);
      if (known.length === files.length) whole.push({ entry, files: known });
    }
    return whole;
  }

  /** Whatever waits still goes back to its place. Returns what the system would not let go: the next run puts it back. */
  async close(): Promise<readonly LeftFile[]> {
    const { folders, folder } = this;
    const left: LeftFile[] = [];
    const leave = (name: string, error: unknown) => {
      left.push({ name, why: describe(error), isFailure: true });
    };
    try {
      await closeStagingFolder(folders.sessionsDir, folder, Date.now(), leave);
    } catch (error) {
      leave(basename(folder), error);
    }
    return left;
  }
}

function isWhatWeMade(row: Row | undefined, tombstone: Row | null): boolean {
  if (tombstone === null || row === undefined) return tombstone === null && row === undefined;
  return isSameButDerived(row, tombstone);
}
