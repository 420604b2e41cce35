import { join } from 'node:path';
import { ClawbackError } from '../errors.ts';
import { type FileKind, isFileNameOf } from './manifest.ts';

/** Where one store's files lie on this machine. */
export interface FileFolders {
  readonly sessionsDir: string;
  /** `<state>/media/outgoing`: images that the gateway has sent, for all agents together. */
  readonly mediaDir: string;
}

/** A file of a session: the kind says in which folder its name stands. */
export interface FileRef {
  readonly kind: FileKind;
  readonly name: string;
}

const MEDIA_SUBFOLDERS: Partial<Record<FileKind, string>> = {
  'media-record': 'records',
  'media-original': 'originals',
};

/** Media is shared by all stores; everything else lies in the sessions folder. */
export function isMedia({ kind }: Pick<FileRef, 'kind'>): boolean {
  return MEDIA_SUBFOLDERS[kind] !== undefined;
}

/**
 * The one place that says where a session's file lies.
 * @throws {ClawbackError} `manifest-invalid` for a name that would lead out of the two folders.
 */
export function pathOf({ kind, name }: FileRef, { sessionsDir, mediaDir }: FileFolders): string {
  if (!isFileNameOf(kind, name)) {
    throw new ClawbackError('manifest-invalid', `locate a file of kind ${kind}: not a plain file name`);
  }
  const subfolder = MEDIA_SUBFOLDERS[kind];
  return subfolder === undefined ? join(sessionsDir, name) : join(mediaDir, subfolder, name);
}

/**
 * The file's name beside all others of its agent: inside the tar, in reports, below `restore --to`. No two files of
 * a session share it.
 */
export function placeName({ kind, name }: FileRef): string {
  const subfolder = MEDIA_SUBFOLDERS[kind];
  return subfolder === undefined ? name : `media/outgoing/${subfolder}/${name}`;
}
