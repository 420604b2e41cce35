import type { OpenClawConfig } from '../openclaw/openclaw-config.ts';
import { tombstoneMark } from '../sessions/row.ts';
import { isProtected } from '../sessions/session-key.ts';
import type { StoreRow } from '../sessions/session-store.ts';

/** OpenClaw's `session.maintenance`, as far as it concerns the number of rows. */
export type Cap = Pick<OpenClawConfig, 'maxEntries' | 'evictsRows'>;

/** What OpenClaw's `session.maintenance.maxEntries` can and cannot do to a store. */
export interface CapPressure {
  readonly maxEntries: number;
  /** False: OpenClaw only warns, and nothing is lost. */
  readonly evictsRows: boolean;
  /** Rows that count against it: all of them. */
  readonly counted: number;
  /** Rows that it can evict. */
  readonly evictable: number;
  readonly protectedRows: number;
  /** Of the protected rows, those of archived conversations. They count like any other. */
  readonly tombstones: number;
  /** Ordinary rows that OpenClaw leaves once it evicts: what protected rows leave of the cap. */
  readonly roomForOrdinary: number;
  /** Number of rows from which it evicts on each write; a cleanup by hand does not wait for it. */
  readonly evictsFrom: number;
}

/** Pure; the rules are those of OpenClaw 2026.5 to 2026.7. */
export function capPressure(rows: readonly StoreRow[], { maxEntries, evictsRows }: Cap): CapPressure {
  const protectedRows = rows.filter(({ sessionKey, row }) => isProtected(sessionKey, row));
  return {
    maxEntries,
    evictsRows,
    counted: rows.length,
    evictable: rows.length - protectedRows.length,
    protectedRows: protectedRows.length,
    tombstones: protectedRows.filter(({ row }) => tombstoneMark(row) !== undefined).length,
    roomForOrdinary: Math.max(0, maxEntries - protectedRows.length),
    evictsFrom: maxEntries < 50 ? maxEntries + 1 : Math.max(maxEntries + 25, Math.ceil(maxEntries * 1.1)),
  };
}
