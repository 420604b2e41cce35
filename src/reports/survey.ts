import { type DiskUse, measureDisk } from '../disk/measure-disk.ts';
import { isClawbackError } from '../errors.ts';
import { type Installation, takeSnapshot, workableStores } from '../installation.ts';
import type { Snapshot } from '../scan/scan.ts';
import { tombstoneMark } from '../sessions/row.ts';
import { isModelRunKey, isProtected } from '../sessions/session-key.ts';
import type { RowNumbers } from './run-report.ts';

/** Rows and disk of the stores at one moment. */
export interface Survey {
  readonly rows: RowNumbers;
  readonly disk: DiskUse;
  /** Stores that could not be read: they are in no number. Whoever reads them for work says why. */
  readonly unreadStores: number;
}

/** Reads rows and looks at files, without reading them: two passes of `lstat`. */
export async function surveyStores(installation: Installation): Promise<Survey> {
  const snapshots: Snapshot[] = [];
  const stores = workableStores(installation);
  for (const store of stores) {
    try {
      snapshots.push(await takeSnapshot(installation, store));
    } catch (error) {
      if (!isClawbackError(error)) throw error;
    }
  }
  return {
    rows: countRows(snapshots),
    disk: await measureDisk(snapshots),
    unreadStores: stores.length - snapshots.length,
  };
}

/** Pure. */
export function countRows(snapshots: readonly Snapshot[]): RowNumbers {
  const rows = snapshots.flatMap((snapshot) => snapshot.rows);
  const protectedRows = rows.filter(({ sessionKey, row }) => isProtected(sessionKey, row));
  return {
    total: rows.length,
    protected: protectedRows.length,
    tombstones: protectedRows.filter(({ row }) => tombstoneMark(row) !== undefined).length,
    modelRuns: rows.filter(({ sessionKey }) => isModelRunKey(sessionKey)).length,
  };
}
