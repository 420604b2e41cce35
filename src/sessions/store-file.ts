import { randomUUID } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ClawbackError, errnoOf, isClawbackError } from '../errors.ts';
import { isFull, systemHint } from '../system-error.ts';

// Everything here is synchronous: between the read of a sessions.json and the rename over it no other work of
// ours may take time.

export interface LoadedStore {
  readonly bytes: Buffer;
  readonly stats: BigIntStats;
}

/** Reads through one descriptor, so that bytes and identity belong together. @throws {ClawbackError} */
export function loadStore(path: string): LoadedStore {
  const descriptor = openStore(path);
  try {
    const stats = fstatSync(descriptor, { bigint: true });
    if (!stats.isFile()) throw notRegular(path, 'not a regular file');
    if (stats.nlink > 1n) throw notRegular(path, `one file under ${stats.nlink} names`);
    return { bytes: readFileSync(descriptor), stats };
  } catch (error) {
    throw errnoOf(error) === undefined || isClawbackError(error) ? error : unreadable(path, error);
  } finally {
    closeSync(descriptor);
  }
}

function openStore(path: string): number {
  try {
    // O_NOFOLLOW: a symlinked store is never written through, and a rename would replace the link.
    // O_NONBLOCK: opening a fifo would wait for a writer.
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ELOOP') throw notRegular(path, 'a symbolic link');
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): ClawbackError {
  return new ClawbackError('store-unreadable', `read ${path}: ${errnoOf(cause) ?? 'not readable'}`, {
    hint: 'check its permissions and the disk that holds it; nothing was changed',
    cause,
  });
}

function notRegular(path: string, what: string): ClawbackError {
  return new ClawbackError('store-not-regular', `open ${path}: it is ${what}`, {
    hint: 'clawback writes only a plain sessions.json; replace it by the real file',
  });
}

export interface ReplaceOptions {
  /** Whether the bytes are made durable before the rename (safer in a power cut) or after it (faster). */
  readonly syncFirst: boolean;
  /** Give up where another process has begun to write a new store: its rename would undo ours. */
  readonly yieldToWriters: boolean;
}

/**
 * Puts a new text in place of the file that `before` describes, durable when it returns. Returns false, with
 * nothing changed, if sessions.json is no longer that file. @throws {ClawbackError} `store-io`.
 */
export function replaceStore(
  path: string,
  pieces: readonly Buffer[],
  before: BigIntStats,
  options: ReplaceOptions,
): boolean {
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  try {
    if (!replace(path, pieces, before, options)) return false;
  } catch (error) {
    throw storeIo(path, error, (code) =>
      isFull(code)
        ? `the disk is full; free ${Math.ceil(bytes / 1024 / 1024)} MB beside sessions.json and run again: no row was changed`
        : `${systemHint(code)}; no row was changed`,
    );
  }
  try {
    if (!options.syncFirst) syncPath(path);
    syncPath(dirname(path));
    return true;
  } catch (error) {
    throw storeIo(
      path,
      error,
      () => 'the rows were changed, perhaps not for good; run again, no file was removed',
    );
  }
}

function storeIo(path: string, error: unknown, hint: (code: string) => string): unknown {
  const code = errnoOf(error);
  if (code === undefined) return error;
  return new ClawbackError('store-io', `write ${path}: ${code}`, { hint: hint(code), cause: error });
}

function replace(
  path: string,
  pieces: readonly Buffer[],
  before: BigIntStats,
  { syncFirst, yieldToWriters }: ReplaceOptions,
): boolean {
  if (!isSameFile(before, lstatSync(path, { bigint: true }))) return false;
  // The name that OpenClaw itself uses and cleans up should we die here.
  const temporary = `${path}.${process.pid}.${randomUUID()}.tmp`;
  const descriptor = openSync(temporary, 'wx', Number(before.mode & 0o777n));
  try {
    writeAll(descriptor, pieces);
    fchmodSync(descriptor, Number(before.mode & 0o7777n));
    if (process.getuid?.() === 0) fchownSync(descriptor, Number(before.uid), Number(before.gid));
    if (syncFirst) fsyncSync(descriptor);
    if (yieldToWriters && isBeingWritten(path, temporary)) return false;
    // One right after the other: between the look and the rename lies the only moment in which another
    // process's write could be lost.
    if (!isSameFile(before, lstatSync(path, { bigint: true }))) return false;
    renameSync(temporary, path);
    return true;
  } finally {
    closeSync(descriptor);
    rmSync(temporary, { force: true });
  }
}

function writeAll(descriptor: number, pieces: readonly Buffer[]): void {
  for (let at = 0; at < pieces.length; at += MAX_PIECES) {
    const some = pieces.slice(at, at + MAX_PIECES);
    const written = writevSync(descriptor, some);
    if (written === some.reduce((sum, { length }) => sum + length, 0)) continue;
    // Only on an almost full disk, whose error the next call gives.
    const left = Buffer.concat(some).subarray(written);
    for (let done = 0; done < left.length; ) done += writeSync(descriptor, left, done);
  }
}

/** `IOV_MAX` of Linux and macOS. */
const MAX_PIECES = 1024;

/** A writer that died has left its file behind; one that lives is done within moments. */
const WRITING_MS = 5_000;

/** Whether another process has a temporary file of this store open: it has read its rows before our rename. */
function isBeingWritten(path: string, ours: string): boolean {
  const folder = dirname(path);
  const prefix = `${basename(path)}.`;
  return readdirSync(folder).some(
    (name) =>
      name.startsWith(prefix) &&
      name.endsWith('.tmp') &&
      name !== basename(ours) &&
      isYoung(join(folder, name)),
  );
}

/** A date in the future is no sign of life: one that a clock that was wrong has left would keep us away until it is right. */
function isYoung(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && Math.abs(Date.now() - stats.mtimeMs) < WRITING_MS;
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Whether the store is the very file that `stats` describes still. */
export function isUnchanged(path: string, stats: BigIntStats): boolean {
  const found = lookAtStore(path);
  return found !== undefined && isSameFile(stats, found);
}

/** Undefined if there is no such file. */
export function lookAtStore(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

function isSameFile(a: BigIntStats, b: BigIntStats): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}
