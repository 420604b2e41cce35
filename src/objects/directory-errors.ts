import { ClawbackError, describe, errnoOf } from '../errors.ts';
import { notFound } from './checks.ts';

/** Runs `call` and turns whatever the file system throws into the store's own errors. */
export async function translating<T>(doing: string, root: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw translateFileError(doing, root, error);
  }
}

/** The same for writers, who made their folders themselves: whoever removed one since is at fault. */
export async function translatingWrite<T>(doing: string, root: string, call: () => Promise<T>): Promise<T> {
  return translating(doing, root, async () => {
    try {
      return await call();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error;
      throw ioError(
        doing,
        'a folder of the archive vanished',
        `check who else works below ${root}`,
        error,
        true,
      );
    }
  });
}

export function translateFileError(doing: string, root: string, error: unknown): ClawbackError {
  if (error instanceof ClawbackError) return error;
  const errno = errnoOf(error);
  switch (errno) {
    case 'ENOENT':
    case 'ENOTDIR':
      return notFound(doing);
    case 'ENAMETOOLONG':
      return new ClawbackError('object-invalid-key', `${doing}: longer than this file system allows`, {
        hint: 'a part of a key between slashes may hold at most 255 characters in a directory',
        cause: error,
      });
    case 'ENOSPC':
    case 'EDQUOT':
      return ioError(doing, 'no space left', `make room below ${root}, then run again`, error);
    case 'EROFS':
      return ioError(doing, 'the file system is read-only', `remount ${root} for writing`, error);
    case 'EMFILE':
    case 'ENFILE':
      return ioError(
        doing,
        'too many open files',
        'raise the limit (`ulimit -n`) or lower --jobs',
        error,
        true,
      );
    case 'EACCES':
    case 'EPERM':
      return new ClawbackError('archive-denied', `${doing}: permission denied (${errno})`, {
        hint: `give the user who runs clawback read and write access to ${root}`,
        cause: error,
      });
    case 'ELOOP':
      return symlinkRefused(doing);
    default:
      return ioError(doing, errno ?? describe(error), `check the disk that holds ${root}`, error);
  }
}

function ioError(
  doing: string,
  what: string,
  hint: string,
  cause: unknown,
  retryable = false,
): ClawbackError {
  return new ClawbackError('archive-io', `${doing}: ${what}`, { hint, cause, retryable });
}

export function symlinkRefused(doing: string): ClawbackError {
  return new ClawbackError('archive-io', `${doing}: a symbolic link lies in the way`, {
    hint: 'links inside an archive are not followed; put the real file or folder in its place',
  });
}

export function notRegular(doing: string): ClawbackError {
  return new ClawbackError('archive-io', `${doing}: not a regular file`, {
    hint: 'move whatever lies there out of the archive',
  });
}

export function notAFolder(doing: string, root: string): ClawbackError {
  return new ClawbackError('archive-io', `${doing}: ${root} is not a folder`, {
    hint: 'point the archive URL at a folder, or at a path where one can be made',
  });
}
