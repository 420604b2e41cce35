import type { Archive, OnDamage } from '../archive/archive.ts';
import type { ErrorCode } from '../errors.ts';
import type { Manifest, ManifestFile, ManifestSession } from '../manifest/manifest.ts';
import { fileSlices } from '../packs/file-ranges.ts';
import { isTranscript } from '../packs/frame-layout.ts';
import { isArchiveDamage } from '../recover/damage.ts';
import { BatchReader } from '../restore/batch-reader.ts';
import { countLinesNaming } from './lines-naming.ts';

export interface SearchProgress {
  readonly filesDone: number;
  readonly filesTotal: number;
  /** As they were before they were packed. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export interface SearchOptions {
  /** Told of what could not be read: nobody knows whom it names. */
  readonly onDamage: OnDamage;
  readonly onProgress?: ((progress: SearchProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the search reads of a session, of those files whose bytes were kept. */
export function searchedFiles({ files }: Pick<ManifestSession, 'files'>): ManifestFile[] {
  const kept = files.filter(({ place }) => place !== null);
  const words = kept.filter((file) => isTranscript(file) || file.kind === 'checkpoint');
  // What is left of some sessions is their flight recorder: it holds the same words, and far more bytes.
  return words.length > 0 ? words : kept.filter(({ kind }) => kind === 'trajectory');
}

/**
 * Reads the transcripts of sessions, also reset, deleted and interim ones, and says in how many of their lines each
 * names the user. Memory is one frame, whatever their size. What cannot be read is told, and the others go on.
 *
 * @param sessions archive ids by batch. @returns archive id → lines, of those that have any.
 */
export async function searchTranscripts(
  archive: Archive,
  sessions: ReadonlyMap<string, ReadonlySet<string>>,
  subject: string,
  total: Pick<SearchProgress, 'filesTotal' | 'bytesTotal'>,
  { onDamage, onProgress, signal }: SearchOptions,
): Promise<ReadonlyMap<string, number>> {
  const lines = new Map<string, number>();
  let [filesDone, bytesDone] = [0, 0];
  const tell = () => onProgress?.({ ...total, filesDone, bytesDone });
  tell();
  for (const [batchId, archiveIds] of sessions) {
    try {
      const toRead = transcriptsIn(archive, await archive.manifest(batchId, signal), archiveIds);
      for (const { archiveId, read } of toRead) {
        const found = await readOne(archiveId, read(signal));
        if (found > 0) lines.set(archiveId, (lines.get(archiveId) ?? 0) + found);
        filesDone += 1;
        tell();
      }
    } catch (error) {
      if (!isArchiveDamage(error)) throw error;
      onDamage(
        `transcripts of ${archiveIds.size} ${archiveIds.size === 1 ? 'session' : 'sessions'} in batch ${batchId}`,
        error,
      );
    }
  }
  return lines;

  async function readOne(archiveId: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
    try {
      return await countLinesNaming(counted(chunks), subject);
    } catch (error) {
      // It is the same for all that the pack holds.
      if (!isArchiveDamage(error) || OF_THE_PACK.has(error.code)) throw error;
      onDamage(`a transcript of ${archiveId}`, error);
      return 0;
    }
  }

  async function* counted(chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      yield chunk;
      bytesDone += chunk.length;
      tell();
    }
  }
}

const OF_THE_PACK = new Set<ErrorCode>(['object-cold', 'object-not-found']);

interface ToRead {
  readonly archiveId: string;
  read(signal: AbortSignal | undefined): AsyncIterable<Uint8Array>;
}

/** In the order in which they lie in the pack, so that it is read from front to back. */
function transcriptsIn(archive: Archive, manifest: Manifest, archiveIds: ReadonlySet<string>): ToRead[] {
  const [pack] = manifest.packs;
  if (pack === undefined) return [];
  const reader = new BatchReader(archive, manifest, pack);
  const files = manifest.sessions.flatMap((session) =>
    archiveIds.has(session.archiveId)
      ? searchedFiles(session).map((file) => ({ archiveId: session.archiveId, file }))
      : [],
  );
  const lastFrame = Math.max(0, ...files.map(({ file }) => fileSlices(pack, file).at(-1)?.frame ?? 0));
  const ordered = files.sort((a, b) => (a.file.place?.frame ?? 0) - (b.file.place?.frame ?? 0));
  return ordered.map(({ archiveId, file }) => ({
    archiveId,
    read: (signal) => reader.read(file, signal, lastFrame),
  }));
}
