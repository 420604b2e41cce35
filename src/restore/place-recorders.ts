import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Archive, ReadOptions } from '../archive/archive.ts';
import { isClawbackError } from '../errors.ts';
import { type FileFolders, pathOf } from '../manifest/file-place.ts';
import type { ManifestSession } from '../manifest/manifest.ts';
import { syncDirectory } from '../sessions/sync-directory.ts';
import { fetchFiles } from './fetch-files.ts';
import { type LocalState, localState, placeFile } from './local-files.ts';
import { type LeftRecorder, leftUnread, type Recorder, type Recorders } from './recorders.ts';
import { makeStaging } from './staging.ts';

/** A recorder that comes back, or is here already. */
export interface PlacedRecorder extends Recorder {
  readonly state: Exclude<LocalState, 'different'>;
}

export interface RecordersInPlace {
  readonly files: readonly PlacedRecorder[];
  readonly left: readonly LeftRecorder[];
}

/**
 * What comes back in place. All recorders of a session have one name: the newest comes back, unless its conversation
 * brings another or a file is here. Reads only.
 */
export async function planRecorders(
  session: ManifestSession,
  recorders: Recorders,
  folders: FileFolders,
): Promise<RecordersInPlace> {
  const taken = namesOf(session);
  const files: PlacedRecorder[] = [];
  const left = [...recorders.left];
  for (const recorder of recorders.found) {
    const { file, archiveId } = recorder;
    const state = taken.has(file.name) ? 'different' : await localState(pathOf(file, folders), file);
    taken.add(file.name);
    if (state === 'different') left.push({ archiveId, why: 'name-taken' });
    else files.push({ ...recorder, state });
  }
  return { files, left };
}

/** Puts them beside a conversation that is back already, each proven. A file that has appeared meanwhile stays as it is. */
export async function placeRecorders(
  archive: Archive,
  planned: RecordersInPlace,
  folders: FileFolders,
  options: ReadOptions,
): Promise<RecordersInPlace> {
  const files = planned.files.filter(({ state }) => state === 'identical');
  const left = [...planned.left];
  if (files.length === planned.files.length) return planned;
  const staging = await makeStaging(folders.sessionsDir);
  try {
    for (const recorder of planned.files.filter(({ state }) => state === 'absent')) {
      const staged = join(staging, recorder.file.name);
      const unread = await fetchRecorder(archive, recorder, staged, options);
      if (unread === undefined && (await isPlaced(staged, pathOf(recorder.file, folders))))
        files.push(recorder);
      else left.push(unread ?? { archiveId: recorder.archiveId, why: 'name-taken' });
    }
    await syncDirectory(folders.sessionsDir);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return { files, left };
}

async function isPlaced(staged: string, path: string): Promise<boolean> {
  try {
    await placeFile(staged, path);
    return true;
  } catch (error) {
    if (!isClawbackError(error) || error.code !== 'restore-conflict') throw error;
    return false;
  }
}

/** A recorder in a folder where there is room for all, and its name there. */
export interface NamedRecorder extends Recorder {
  readonly name: string;
}

/** The newest has the name that it had, unless its conversation brings another; the others have their archive id behind it. */
export function nameRecorders(session: ManifestSession, { found }: Recorders): NamedRecorder[] {
  const taken = namesOf(session);
  return found.map((recorder) => {
    const { name } = recorder.file;
    const isTaken = taken.has(name);
    taken.add(name);
    return { ...recorder, name: isTaken ? `${name}.${recorder.archiveId}` : name };
  });
}

/** Writes them below a folder that exists. */
export async function recordersToFolder(
  archive: Archive,
  recorders: readonly NamedRecorder[],
  folder: string,
  options: ReadOptions,
): Promise<{ readonly files: readonly NamedRecorder[]; readonly left: readonly LeftRecorder[] }> {
  const files: NamedRecorder[] = [];
  const left: LeftRecorder[] = [];
  for (const recorder of recorders) {
    const unread = await fetchRecorder(archive, recorder, join(folder, recorder.name), options);
    if (unread === undefined) files.push(recorder);
    else left.push(unread);
  }
  return { files, left };
}

/** Undefined: it is there, proven. Nothing is there otherwise. */
async function fetchRecorder(
  archive: Archive,
  { archiveId, manifest, file }: Recorder,
  path: string,
  options: ReadOptions,
): Promise<LeftRecorder | undefined> {
  try {
    await fetchFiles(archive, manifest, [file], () => path, options.signal);
    return undefined;
  } catch (error) {
    await rm(path, { force: true });
    return leftUnread(archiveId, error, options);
  }
}

function namesOf({ files }: ManifestSession): Set<string> {
  return new Set(files.filter(({ place }) => place !== null).map(({ name }) => name));
}
