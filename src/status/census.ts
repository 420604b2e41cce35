import { rowActivityMs } from '../plan/activity-time.ts';
import { References } from '../plan/references.ts';
import { isArchivable, type ScannedKind } from '../scan/file-kind.ts';
import type { Snapshot } from '../scan/scan.ts';
import { tombstoneMark } from '../sessions/row.ts';
import { isProtected, kindOf, SESSION_KINDS, type SessionKind } from '../sessions/session-key.ts';
import { type Cap, type CapPressure, capPressure } from './cap-pressure.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface Ages {
  readonly total: number;
  readonly older30d: number;
  readonly older14d: number;
  readonly older7d: number;
  readonly older1d: number;
  readonly active4h: number;
}

export interface FileCount {
  readonly files: number;
  /** Blocks on the disk. */
  readonly diskBytes: number;
}

/** How files are counted: their kind, or `orphan` if no row references them. */
export type CensusKind = ScannedKind | 'orphan' | 'prompt';

/** One store as operators count it by hand today. Ages are those of the rows. */
export interface Census {
  readonly storeId: string;
  readonly storePath: string;
  readonly storeBytes: number;
  readonly rows: Ages;
  readonly protectedRows: Ages;
  readonly tombstones: number;
  readonly malformedRows: number;
  readonly byKind: Readonly<Record<SessionKind, number>>;
  readonly byKindOlder1d: Readonly<Record<SessionKind, number>>;
  readonly cap: CapPressure;
  readonly files: Readonly<Partial<Record<CensusKind, FileCount>>>;
  readonly totalFiles: number;
  readonly totalDiskBytes: number;
}

export function takeCensus(snapshot: Snapshot, openclaw: Cap, nowMs: number): Census {
  const rows = snapshot.rows.map(({ sessionKey, row }) => ({
    kind: kindOf(sessionKey, row),
    protected: isProtected(sessionKey, row),
    tombstone: tombstoneMark(row) !== undefined,
    ageMs: nowMs - (rowActivityMs(row) ?? 0),
  }));
  const protectedRows = rows.filter((row) => row.protected);
  const files = countFiles(snapshot);
  const sums = Object.values(files);
  return {
    storeId: snapshot.store.id,
    storePath: snapshot.store.storePath,
    storeBytes: files.store?.diskBytes ?? 0,
    rows: countAges(rows),
    protectedRows: countAges(protectedRows),
    tombstones: rows.filter((row) => row.tombstone).length,
    malformedRows: snapshot.malformedRows,
    byKind: countKinds(rows),
    byKindOlder1d: countKinds(rows.filter((row) => row.ageMs > DAY_MS)),
    cap: capPressure(snapshot.rows, openclaw),
    files,
    totalFiles: sums.reduce((sum, count) => sum + count.files, 0),
    totalDiskBytes: sums.reduce((sum, count) => sum + count.diskBytes, 0),
  };
}

function countAges(rows: readonly { ageMs: number }[]): Ages {
  const older = (limitMs: number) => rows.filter(({ ageMs }) => ageMs > limitMs).length;
  return {
    total: rows.length,
    older30d: older(30 * DAY_MS),
    older14d: older(14 * DAY_MS),
    older7d: older(7 * DAY_MS),
    older1d: older(DAY_MS),
    active4h: rows.filter(({ ageMs }) => ageMs < 4 * HOUR_MS).length,
  };
}

function countKinds(rows: readonly { kind: SessionKind }[]): Record<SessionKind, number> {
  const counts = Object.fromEntries(SESSION_KINDS.map((kind) => [kind, 0])) as Record<SessionKind, number>;
  for (const { kind } of rows) counts[kind] += 1;
  return counts;
}

function countFiles(snapshot: Snapshot): Partial<Record<CensusKind, FileCount>> {
  const references = new References(snapshot);
  const counts: Partial<Record<CensusKind, FileCount>> = {};
  const add = (kind: CensusKind, files: number, diskBytes: number) => {
    const sum = counts[kind] ?? { files: 0, diskBytes: 0 };
    counts[kind] = { files: sum.files + files, diskBytes: sum.diskBytes + diskBytes };
  };
  for (const file of snapshot.files.values())
    add(censusKind(file.kind, references.isReferenced(file.name)), 1, file.diskBytes);
  if (snapshot.prompts.files > 0) add('prompt', snapshot.prompts.files, snapshot.prompts.diskBytes);
  return counts;
}

/** Reset and deleted archives are unreferenced by nature; they keep a line of their own. */
function censusKind(kind: ScannedKind, isReferenced: boolean): CensusKind {
  const hasOwnLine = kind === 'reset' || kind === 'deleted' || kind === 'backup';
  return isArchivable(kind) && !isReferenced && !hasOwnLine ? 'orphan' : kind;
}
