import { type FileRef, isMedia, placeName } from '../manifest/file-place.ts';
import type { ArchivePlan } from '../plan/plan.ts';
import { namesOf, References } from '../plan/references.ts';
import { isArchivable, sessionIdOfBase } from '../scan/file-kind.ts';
import { type ScannedFile, type Snapshot, sameIdentity } from '../scan/scan.ts';
import { rowSha256 } from '../sessions/canonical-json.ts';
import { isSameButDerived } from '../sessions/derived-fields.ts';
import { familyOf } from '../sessions/row.ts';
import type { ArchivedFile } from '../ship/task.ts';
import type { Abandoned, CommittedSession } from './committed.ts';

export interface Rechecked {
  /** Rows that may be changed now, and orphan files that may go. */
  readonly ready: readonly CommittedSession[];
  /** Rows that an earlier run has changed already: only their files are left. */
  readonly done: readonly CommittedSession[];
  readonly abandoned: readonly Abandoned[];
}

/**
 * Looks again, right before the commit, with a plan made afresh. It may only abandon: a session goes on
 * if the fresh plan selects the same row for the same action and every file is the one that was hashed. Pure.
 */
export function recheck(sessions: readonly CommittedSession[], fresh: ArchivePlan): Rechecked {
  const ready: CommittedSession[] = [];
  const done: CommittedSession[] = [];
  const abandoned: Abandoned[] = [];
  const references = new References(fresh.snapshot);
  const rows = new Map(fresh.snapshot.rows.map(({ sessionKey, row }) => [sessionKey, row]));
  const selected = new Map(
    fresh.selected.flatMap((one) => (one.row === null ? [] : [[one.sessionKey, one]])),
  );
  const selectedOrphans = new Set(
    fresh.selected.flatMap((one) => (one.row === null ? one.files.map((file) => file.name) : [])),
  );
  const isUnchanged = ({ entry }: CommittedSession, file: ArchivedFile) => {
    const found = scannedFile(fresh.snapshot, entry, file);
    return found?.isPlain && sameIdentity(found.identity, file.identity);
  };

  for (const session of sessions) {
    const { entry } = session;
    const row = rows.get(entry.sessionKey ?? '');
    // Only the rows in question: hashing all of them for every commit would be most of its cost.
    const found = row === undefined ? undefined : rowSha256(row);
    const isAfter =
      row === undefined || entry.tombstone === null
        ? row === undefined && entry.tombstone === null
        : isSameButDerived(row, entry.tombstone);
    const isStubNamed = references.isReferenced(String(entry.tombstone?.sessionFile));
    const hasStrayStub = entry.tombstone !== null && !isAfter && !isStubNamed;
    const abandon = (why: Abandoned['why']) => abandoned.push({ session, why, hasStrayStub });
    if (!session.files.every((file) => isUnchanged(session, file))) abandon('files-changed');
    else if (entry.action === 'files') {
      if (session.files.every((file) => selectedOrphans.has(file.name))) ready.push(session);
      else abandon('now-active');
    } else {
      if (isAfter) {
        // The stub belongs to the tombstone; the archived files must belong to nobody.
        if (session.files.some((file) => !isMedia(file) && references.isReferenced(file.name)))
          abandon('now-active');
        // A restore that died half-way: its files are back, its row is not yet.
        else if (fresh.restoredIds.has(entry.sessionId ?? entry.sessionKey ?? '')) abandon('now-active');
        else if (!ownsAll(session, fresh, references)) abandon('files-changed');
        else done.push(session);
      } else if (found === undefined) abandon('row-gone');
      else if (found !== entry.rowSha256) abandon('row-changed');
      else if (selected.get(entry.sessionKey)?.action !== entry.action) abandon('now-active');
      else if (!isSameSet(session, selected.get(entry.sessionKey)?.files ?? [])) abandon('files-changed');
      else ready.push(session);
    }
  }
  return { ready, done, abandoned };
}

/** A record counts only as one of the session's own key. An image may be without a record by now. */
function scannedFile(
  { files, media }: Snapshot,
  { sessionKey }: CommittedSession['entry'],
  { kind, name }: FileRef,
): ScannedFile | undefined {
  if (kind === 'media-original') return media.originals.get(name);
  if (kind !== 'media-record') return files.get(name);
  return media.byKey.get(sessionKey ?? '')?.find((file) => file.kind === kind && file.name === name);
}

/** Neither is there a file by now that the archive lacks, nor does the manifest name one of another row. */
function isSameSet({ files }: CommittedSession, planned: readonly ScannedFile[]): boolean {
  const names = new Set(
    planned.flatMap(({ kind, name }) => (isArchivable(kind) ? [placeName({ kind, name })] : [])),
  );
  return names.size === files.length && files.every((file) => names.has(placeName(file)));
}

/** Whether the files are those of the archived row: a manifest is not believed when it names others. */
function ownsAll(
  { entry, files }: CommittedSession,
  { snapshot }: ArchivePlan,
  { folder }: References,
): boolean {
  const names = entry.row === null ? new Set<string>() : namesOf(entry.row, folder);
  const family = new Set(entry.row === null ? [] : familyOf(entry.row));
  return files.every((archived) => {
    const { name } = archived;
    // A record that is found at all is the session's own; an image stays while any record names it, see `reclaim`.
    if (isMedia(archived)) return true;
    const file = snapshot.files.get(name);
    if (names.has(name) || (file?.kind === 'checkpoint' && file.base === entry.sessionId)) return true;
    // Of an interim session: that no row has to do with it by now was asked before.
    return file !== undefined && family.has(sessionIdOfBase(file.base));
  });
}
