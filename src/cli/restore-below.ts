import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Archive } from '../archive/archive.ts';
import { ClawbackError, errnoOf } from '../errors.ts';
import type { Installation } from '../installation.ts';
import { placeName } from '../manifest/file-place.ts';
import { nameRecorders, recordersToFolder } from '../restore/place-recorders.ts';
import { keptFiles, restoreToFolder } from '../restore/restore-to-folder.ts';
import { EXIT, type ExitCode, type GlobalFlags, type Io, print, warnOfDamage } from './context.ts';
import { lookForThaw, mustWait, packKeysFor, reportWaiting, thawNotes } from './restore-cold.ts';
import {
  describeRestore,
  nameOf,
  type Opened,
  type RestoreFlags,
  recorderNote,
  restoreHead,
} from './restore-text.ts';
import { thawJson } from './thaw-text.ts';

/** `restore --to`: the store has no part in it. */
export async function restoreBelow(
  installation: Installation,
  archive: Archive,
  opened: Opened,
  folder: string,
  io: Io,
  flags: RestoreFlags & GlobalFlags,
): Promise<ExitCode> {
  const files = keptFiles(opened.session);
  const named = nameRecorders(opened.session, opened.recorders);
  await assertAbsent(folder, [...files.map(placeName), ...named.map(({ name }) => name)]);
  const context = { installation, archive, io, flags };
  const thaw = await lookForThaw(context, packKeysFor(opened.manifest, files));
  if (mustWait(thaw, flags)) return reportWaiting(context, nameOf(opened), thaw);
  if (!flags.dryRun) await restoreToFolder(archive, opened, folder, io.signal);
  const options = { onDamage: warnOfDamage(io), signal: io.signal };
  const recorders = flags.dryRun
    ? { files: named, left: [] }
    : await recordersToFolder(archive, named, folder, options);
  const left = [...opened.recorders.left, ...recorders.left];
  const written = [
    ...files.map((file) => ({ name: placeName(file), size: file.size })),
    ...recorders.files.map(({ name, file }) => ({ name, size: file.size })),
  ];
  const json = {
    ...restoreHead(opened, flags),
    to: folder,
    files: written.map((file) => ({ ...file, state: 'absent' })),
    recordersLeft: left,
    row: 'untouched',
    setAside: [],
    thaw: thaw === undefined ? null : thawJson(thaw),
  };
  const notes = [
    `into ${folder}; the store was not touched`,
    ...left.map(recorderNote),
    ...thawNotes(thaw, opened.session),
  ];
  print(io, flags, json, () => describeRestore(opened, flags, written, notes));
  return EXIT.done;
}

async function assertAbsent(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    try {
      await lstat(join(folder, name));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') continue;
      throw error;
    }
    throw new ClawbackError('restore-conflict', `restore into ${folder}: ${name} is there already`, {
      hint: 'name an empty folder',
    });
  }
}
