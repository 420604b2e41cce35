import { type FileFolders, pathOf } from '../manifest/file-place.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { rowSha256 } from '../sessions/canonical-json.ts';
import { sessionIdOf } from '../sessions/row.ts';
import { isModelRunKey } from '../sessions/session-key.ts';
import type { ArchivedFile } from '../ship/task.ts';
import type { CommittedSession } from '../tombstone/committed.ts';
import { tombstoneOf } from '../tombstone/tombstone.ts';
import { proveLocalFile } from './prove-local-file.ts';

/**
 * The sessions of a manifest whose run died before it could catalogue it, with those of their files that
 * are still here. Each file is hashed again: what differs from the manifest is not in the list, and stays.
 */
export async function unfinishedSessions(
  manifest: Manifest,
  folders: FileFolders,
  keepModelRunFiles: boolean,
): Promise<CommittedSession[]> {
  const sessions: CommittedSession[] = [];
  for (const { files, ...entry } of manifest.sessions) {
    if (!isOwnTombstone(entry)) continue;
    const here: ArchivedFile[] = [];
    // Bytes that were not kept may go only where the settings of today say so too.
    const mayDiscard = !keepModelRunFiles && isModelRunKey(entry.sessionKey ?? '');
    for (const file of files) {
      if (file.place === null && !mayDiscard) continue;
      const found = await proveLocalFile(pathOf(file, folders), file);
      if (found !== undefined) here.push(found);
    }
    sessions.push({ entry, files: here });
  }
  return sessions;
}

/** Whether the tombstone is what we would make of the row: a manifest does not decide where answers go. */
export function isOwnTombstone({ row, tombstone, archiveId }: CommittedSession['entry']): boolean {
  if (tombstone === null || row === null) return tombstone === null;
  const sessionId = sessionIdOf(tombstone);
  if (sessionId === null) return false;
  const stub = tombstone.sessionFile === undefined ? {} : { stubFile: `${sessionId}.jsonl` };
  return rowSha256(tombstoneOf({ row, archiveId, sessionId, ...stub })) === rowSha256(tombstone);
}
