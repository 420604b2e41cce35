import { createHash } from 'node:crypto';
import { lstat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileFolders } from '../../src/manifest/file-place.ts';
import type { ManifestSession } from '../../src/manifest/manifest.ts';
import { describeStats } from '../../src/scan/scan.ts';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import type { ArchivedFile, SourceFile } from '../../src/ship/task.ts';
import type { CommittedSession } from '../../src/tombstone/committed.ts';
import { NOW_MS } from './snapshot.ts';

/** Media lies below the same folder: tests of other files never look there. */
export function foldersOf(sessionsDir: string): FileFolders {
  return { sessionsDir, mediaDir: join(sessionsDir, 'media', 'outgoing') };
}

export type Entry = CommittedSession['entry'];

export const KEY = 'agent:main:slack:channel:c1';
export const BATCH_ID = '20261121t090000z-00000001-0001';

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The manifest entry of a trimmed channel; changes on top. The row's hash follows the row. */
export function entryOf(changes: Partial<Entry> = {}): Entry {
  const row: Row | null = changes.row === undefined ? { sessionId: 'old', updatedAt: 1000 } : changes.row;
  return {
    archiveId: `${BATCH_ID}.0`,
    sessionKey: KEY,
    sessionId: 'old',
    agentId: 'main',
    kind: 'channel',
    protected: true,
    action: 'trim',
    lastActivityMs: NOW_MS - 1000,
    row,
    rowSha256: row === null ? null : rowSha256(row),
    tombstone: { sessionId: 'new', updatedAt: 0 },
    ...changes,
  };
}

/** The entry of files that no row references. */
export function orphanEntry(changes: Partial<Entry> = {}): Entry {
  return entryOf({
    sessionKey: null,
    kind: 'orphan',
    protected: false,
    action: 'files',
    row: null,
    tombstone: null,
    ...changes,
  });
}

/** Writes a file and describes it as the scan would. */
export async function sourceOf(
  folder: string,
  name: string,
  content: Uint8Array | string,
  kind: SourceFile['kind'] = 'transcript',
): Promise<SourceFile> {
  await writeFile(join(folder, name), content, { mode: 0o600 });
  const { identity, mode, mtimeMs } = describeStats(await lstat(join(folder, name), { bigint: true }));
  return { name, kind, identity, mode, mtimeMs };
}

/** The proof that a file with these bytes was archived. */
export async function archivedOf(folder: string, name: string, content: string): Promise<ArchivedFile> {
  const { kind, identity } = await sourceOf(folder, name, content);
  return { kind, name, identity, sha256: sha256(content) };
}

export function sessionOf(entry: Entry, files: ManifestSession['files'] = []): ManifestSession {
  return { ...entry, files };
}
