import type { Archive } from '../archive/archive.ts';
import type { ManifestFile, ManifestSession } from '../manifest/manifest.ts';
import { readArchivedFile } from './fetch-files.ts';
import { isJsonObject } from './json-value.ts';
import type { OpenedSession } from './open-session.ts';
import { splitLines } from './transcript-lines.ts';

/** The first line of a transcript is a header of a few hundred bytes. */
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * What there is to read of a session: its transcript, and those of interim sessions; for loose files, the reset and
 * deleted ones in the order of their time.
 */
export function transcriptsOf(session: ManifestSession): readonly ManifestFile[] {
  const main = session.files.filter(({ kind }) => kind === 'transcript');
  const older = session.files.filter(
    ({ kind }) => kind === 'reset' || kind === 'deleted' || kind === 'backup',
  );
  return main.length > 0 ? main : older.sort(byMtime);
}

/** The same, each transcript where its first words belong. One that does not say when it began stands by its last change. */
export async function orderedTranscripts(
  archive: Archive,
  { manifest, session }: OpenedSession,
  signal?: AbortSignal,
): Promise<readonly ManifestFile[]> {
  const files = transcriptsOf(session);
  if (files.length < 2 || files[0]?.kind !== 'transcript') return files;
  const dated: { file: ManifestFile; atMs: number }[] = [];
  for (const file of files) {
    const began =
      file.place === null ? undefined : await beganAtMs(readArchivedFile(archive, manifest, file, signal));
    dated.push({ file, atMs: began ?? file.mtimeMs });
  }
  return dated.sort((a, b) => a.atMs - b.atMs).map(({ file }) => file);
}

async function beganAtMs(bytes: AsyncIterable<Uint8Array>): Promise<number | undefined> {
  for await (const line of splitLines(bytes, MAX_HEADER_BYTES)) {
    if (typeof line !== 'string') return undefined;
    const atMs = Date.parse(timestampOf(line));
    return Number.isNaN(atMs) ? undefined : atMs;
  }
  return undefined;
}

function timestampOf(line: string): string {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) && typeof value.timestamp === 'string' ? value.timestamp : '';
  } catch {
    // A torn first line: the transcript is shown all the same.
    return '';
  }
}

function byMtime(a: ManifestFile, b: ManifestFile): number {
  return a.mtimeMs - b.mtimeMs;
}
