import { join } from 'node:path';
import glob from 'fast-glob';
import { References } from '../plan/references.ts';
import { isArchivable, type ScannedKind } from '../scan/file-kind.ts';
import { lstatIfThere } from '../scan/file-stats.ts';
import type { Snapshot } from '../scan/scan.ts';
import { LOCK_NAME } from '../state/store-lock.ts';

/** How the disk is told apart: the kind of a file, `orphan` if no row references it, `other` below a subfolder. */
export type DiskKind = ScannedKind | 'orphan' | 'other';

export interface DiskUse {
  readonly files: number;
  /** Blocks that the file system holds, a file of several names once. */
  readonly diskBytes: number;
  readonly byKind: Readonly<Partial<Record<DiskKind, KindUse>>>;
}

export interface KindUse {
  readonly files: number;
  readonly diskBytes: number;
}

/**
 * What the file system really holds in the sessions folders of these stores, subfolders included, but for our own lock,
 * so that it makes no difference whether a run is at work. Reads only.
 */
export async function measureDisk(snapshots: readonly Snapshot[]): Promise<DiskUse> {
  const byKind: Partial<Record<DiskKind, KindUse>> = {};
  const seen = new Set<string>();
  for (const [folder, snapshot] of new Map(snapshots.map((one) => [one.realSessionsDir, one]))) {
    const references = new References(snapshot);
    for (const name of await glob('**', { cwd: folder, dot: true, followSymbolicLinks: false })) {
      const stats = name === LOCK_NAME ? undefined : await lstatIfThere(join(folder, name));
      if (stats === undefined) continue;
      const inode = `${stats.dev}:${stats.ino}`;
      if (stats.nlink > 1n && seen.has(inode)) continue;
      seen.add(inode);
      const kind = kindOf(snapshot, references, name);
      const sum = byKind[kind] ?? { files: 0, diskBytes: 0 };
      byKind[kind] = { files: sum.files + 1, diskBytes: sum.diskBytes + Number(stats.blocks) * 512 };
    }
  }
  const kinds = Object.values(byKind);
  return {
    files: kinds.reduce((sum, { files }) => sum + files, 0),
    diskBytes: kinds.reduce((sum, { diskBytes }) => sum + diskBytes, 0),
    byKind,
  };
}

/** Reset, deleted and backup files are unreferenced by nature and keep a line of their own. */
function kindOf({ files }: Snapshot, references: References, name: string): DiskKind {
  const file = files.get(name);
  if (file === undefined) return 'other';
  const isOwnKind = file.kind === 'reset' || file.kind === 'deleted' || file.kind === 'backup';
  return isArchivable(file.kind) && !isOwnKind && !references.isReferenced(name) ? 'orphan' : file.kind;
}
