import { ClawbackError } from '../errors.ts';
import { localPath } from '../scan/local-path.ts';
import type { CommittedSession } from '../tombstone/committed.ts';
import type { Tombstoned } from '../tombstone/tombstone-rows.ts';
import type { Judged, Staged } from './staged.ts';
import { stagedPath } from './staged-files.ts';

/** Sessions whose rows cannot come back any more: the only thing that `reclaim` accepts. Only its own functions make one. */
export class Settled {
  /** Where the files lie: the sessions folder, or where they were staged. */
  readonly folder: string;
  readonly sessions: readonly CommittedSession[];
  readonly pathOf: (name: string) => string;

  private constructor(
    folder: string,
    sessions: readonly CommittedSession[],
    pathOf: (name: string) => string,
  ) {
    this.folder = folder;
    this.sessions = sessions;
    this.pathOf = pathOf;
  }

  /** @throws {ClawbackError} `internal` if another process could still overwrite the commit. */
  static atOnce({ sessionsDir, sessions, settleMs }: Tombstoned): Settled {
    if (settleMs > 0 && sessions.length > 0)
      throw new ClawbackError('internal', 'free files: their rows could still come back');
    return new Settled(sessionsDir, sessions, (name) => localPath(sessionsDir, name));
  }

  /** What `Staged.judge` found to hold when the time was over. */
  static afterWait(staged: Staged, { holding }: Judged): Settled {
    return new Settled(staged.folder, holding, (name) => stagedPath(staged.folder, name));
  }
}
