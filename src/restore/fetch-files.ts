import { open } from 'node:fs/promises';
import type { Archive } from '../archive/archive.ts';
import { ClawbackError } from '../errors.ts';
import type { Manifest, ManifestFile } from '../manifest/manifest.ts';
import { onFile } from '../system-error.ts';
import { BatchReader } from './batch-reader.ts';

/** The bytes of one archived file, checked against its SHA-256 by the time the last chunk is out. */
export function readArchivedFile(
  archive: Archive,
  manifest: Manifest,
  file: ManifestFile,
  signal?: AbortSignal,
): AsyncIterable<Uint8Array> {
  const pack = manifest.packs[0];
  if (file.place === null || pack === undefined) {
    throw new ClawbackError(
      'object-not-found',
      `read ${file.name} from the archive: only its description was kept`,
      {
        hint: 'it was archived with modelRun.keepTranscripts: false',
      },
    );
  }
  return new BatchReader(archive, manifest, pack).read(file, signal);
}

/**
 * Writes files where `pathOf` says, each complete, proven, with its old mode and time, and durable.
 * @throws {ClawbackError} `object-corrupt` before anything damaged gets another name than that.
 */
export async function fetchFiles(
  archive: Archive,
  manifest: Manifest,
  files: readonly ManifestFile[],
  pathOf: (file: ManifestFile) => string,
  signal?: AbortSignal,
): Promise<void> {
  const pack = manifest.packs[0];
  if (pack === undefined) return;
  const reader = new BatchReader(archive, manifest, pack);
  for (const file of files) {
    const path = pathOf(file);
    const handle = await open(path, 'wx', 0o600);
    try {
      await onFile(path, async () => {
        for await (const chunk of reader.read(file, signal)) await handle.writeFile(chunk);
        await handle.chmod(file.mode & 0o777);
        await handle.utimes(file.mtimeMs / 1000, file.mtimeMs / 1000);
        await handle.sync();
      });
    } finally {
      await handle.close();
    }
  }
}
