import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import glob from 'fast-glob';
import { errnoOf } from '../errors.ts';

/** What tells one state of a file from another. A re-check compares them all. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  /** Tells of a rewrite that set the modification time back. */
  readonly ctimeNs: bigint;
}

export function describeStats(stats: BigIntStats) {
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  return {
    sizeBytes: Number(size),
    diskBytes: Number(stats.blocks) * 512,
    mtimeMs: Number(mtimeNs) / 1e6,
    mode: Number(stats.mode & 0o7777n),
    identity: { dev, ino, size, mtimeNs, ctimeNs },
    isPlain: stats.isFile() && stats.nlink === 1n,
  };
}

export function sameIdentity(a: FileIdentity, b: FileIdentity): boolean {
  return (
    a.dev === b.dev &&
    a.ino === b.ino &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  );
}

/** Every name in a folder, hidden ones and links included. */
export function listNames(directory: string): Promise<string[]> {
  return glob('*', {
    cwd: directory,
    dot: true,
    onlyFiles: false,
    followSymbolicLinks: false,
    suppressErrors: false,
  });
}

export async function lstatIfThere(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
