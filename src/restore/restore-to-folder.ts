import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Archive } from '../archive/archive.ts';
import { isMedia, placeName } from '../manifest/file-place.ts';
import type { ManifestFile, ManifestSession } from '../manifest/manifest.ts';
import { fetchFiles } from './fetch-files.ts';
import type { OpenedSession } from './open-session.ts';

/** The files of a session whose bytes were kept. */
export function keptFiles({ files }: ManifestSession): readonly ManifestFile[] {
  return files.filter(({ place }) => place !== null);
}

/** Writes what was kept of a session below a folder, which is made if need be. The store has no part in it. */
export async function restoreToFolder(
  archive: Archive,
  { manifest, session }: OpenedSession,
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  const files = keptFiles(session);
  const pathBelow = (file: ManifestFile) => join(folder, placeName(file));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const file of files.filter(isMedia))
    await mkdir(dirname(pathBelow(file)), { recursive: true, mode: 0o700 });
  await fetchFiles(archive, manifest, files, pathBelow, signal);
}
