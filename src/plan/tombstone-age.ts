import { archivedAtMs } from '../manifest/keys.ts';
import type { ScannedFile, Snapshot } from '../scan/scan.ts';
import { familyOf, tombstoneMark } from '../sessions/row.ts';
import { isProtected } from '../sessions/session-key.ts';
import type { StoreRow } from '../sessions/session-store.ts';
import { rowActivityMs } from './activity-time.ts';
import { blockerOf } from './blockers.ts';
import type { Policy } from './policy.ts';
import type { Kept } from './reasons.ts';
import type { References } from './references.ts';

/** How far a date may lie ahead of our clock before it is distrusted. */
export const CLOCK_SKEW_MS = 5 * 60_000;

/** The removal of a tombstone's own row. */
export interface Retirement {
  readonly action: 'retire';
  readonly reason: 'tombstone-age';
  /** The archived generation that the tombstone stands for. */
  readonly archiveId: string;
  /** How long it has been archived, or since the operator last restored it. */
  readonly idleMs: number;
}

export interface TombstoneInput {
  readonly snapshot: Snapshot;
  readonly policy: Policy;
  readonly nowMs: number;
  readonly restoredAtMs: ReadonlyMap<string, number>;
}

/**
 * Whether a tombstone's row may go, as far as the local disk can tell: that it is the one in the manifest, and the
 * archive whole, is proven before it does. Pure.
 */
export function judgeTombstone(
  storeRow: StoreRow,
  files: readonly ScannedFile[],
  { snapshot, policy, nowMs, restoredAtMs }: TombstoneInput,
  references: References,
): Retirement | Kept {
  const { sessionKey, row } = storeRow;
  const mark = tombstoneMark(row);
  if (policy.protectedRemoveAfterMs === undefined || mark === undefined || !isProtected(sessionKey, row))
    return { reason: 'tombstone' };
  const archivedMs = archivedAtMs(mark.archiveId);
  if (archivedMs === undefined) return { reason: 'undated' };
  // A restore that died half-way has left the tombstone where it was.
  const restoredMs = [sessionKey, ...familyOf(row)].map((name) => restoredAtMs.get(name) ?? 0);
  const idleMs = nowMs - Math.max(archivedMs, ...restoredMs);
  if (idleMs < -CLOCK_SKEW_MS) return { reason: 'future-dated' };
  const blocker = blockerOf(storeRow, files, snapshot, references, isRecentTo(policy, nowMs));
  if (blocker !== undefined) return blocker;
  if (rowActivityMs(row) !== undefined) return { reason: 'tombstone-touched', detail: 'its row has a date' };
  const foreign = files.find(({ name }) => name !== `${mark.sessionId}.jsonl`);
  if (foreign !== undefined) return { reason: 'tombstone-touched', detail: foreign.name };
  if (idleMs < policy.protectedRemoveAfterMs) return { reason: 'tombstone-young' };
  return { action: 'retire', reason: 'tombstone-age', archiveId: mark.archiveId, idleMs };
}

/** A row without a date counts as recent. */
export function isRecentTo({ minIdleMs }: Policy, nowMs: number) {
  return (row: StoreRow['row']) => nowMs - (rowActivityMs(row) ?? nowMs) < minIdleMs;
}
