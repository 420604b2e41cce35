import type { ManifestSession } from '../manifest/manifest.ts';
import type { ArchivedFile } from '../ship/task.ts';

/** A session generation whose manifest is durable, with the local files that it holds byte for byte. */
export interface CommittedSession {
  readonly entry: Omit<ManifestSession, 'files'>;
  readonly files: readonly ArchivedFile[];
}

/**
 * Why an archived session's row and files stay where they are. The archive holds a copy all the same. `revived`: its
 * row had been changed, and was in use again before its files were removed.
 */
export interface Abandoned {
  readonly session: CommittedSession;
  readonly why: 'row-changed' | 'row-gone' | 'files-changed' | 'now-active' | 'rejected' | 'revived';
  /** A run that died may have made the stub of a tombstone that now never comes to be. */
  readonly hasStrayStub: boolean;
}
