import { ClawbackError } from '../errors.ts';
import { type FileFolders, type FileRef, isMedia, pathOf } from '../manifest/file-place.ts';
import type { CommittedSession } from '../tombstone/committed.ts';
import type { Tombstoned } from '../tombstone/tombstone-rows.ts';
import type { Judged, Staged } from './staged.ts';
import { stagedPath } from './staged-files.ts';

/** Sessions whose rows cannot come back any more: the only thing that `reclaim` accepts. Only its own functions make one. */
export class Settled {
  readonly folders: FileFolders;
  readonly sessions: readonly CommittedSession[];
  /** Where a file lies: in its place, or where it was staged. */
  readonly pathOf: (file: FileRef) => string;

  private constructor(
    folders: FileFolders,
    sessions: readonly CommittedSession[],
    path: (file: FileRef) => string,
  ) {
    this.folders = folders;
    this.sessions = sessions;
    this.pathOf = path;
  }

  /** @throws {ClawbackError} `internal` if another process could still overwrite the commit. */
  static atOnce({ folders, sessions, settleMs }: Tombstoned): Settled {
    if (settleMs > 0 && sessions.length > 0)
      throw new ClawbackError('internal', 'free files: their rows could still come back');
    return new Settled(folders, sessions, (file) => pathOf(file, folders));
  }

  /** What `Staged.judge` found to hold when the time was over. */
  static afterWait(staged: Staged, { holding }: Judged): Settled {
    const path = (file: FileRef) =>
      isMedia(file) ? pathOf(file, staged.folders) : stagedPath(staged.folder, file.name);
    return new Settled(staged.folders, holding, path);
  }
}
