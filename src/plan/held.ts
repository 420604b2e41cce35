import { isArchivable } from '../scan/file-kind.ts';
import type { ScannedFile } from '../scan/scan.ts';
import type { PlanInput } from './plan.ts';
import { explainKept, type KeepReason, type Kept } from './reasons.ts';
import { planIdle } from './reclaim-steps.ts';
import { References } from './references.ts';

/** What keeps the disk from getting any smaller. */
export const HELD_REASONS = {
  'protected-off':
    'protected conversations: set diskBudget.protectedFloor, e.g. 7d, to let the oldest of them go',
  'protected-young': 'protected conversations, idle for less than diskBudget.protectedFloor',
  ordinary:
    'ordinary conversations: clawback archive takes them by retention.pruneAfter and retention.perKind',
  store: 'sessions.json itself',
  foreign: 'files that are neither transcripts nor their artifacts',
  left: 'could be freed, and was not: see what failed',
} as const;

export interface Held {
  readonly reason: KeepReason | keyof typeof HELD_REASONS;
  readonly text: string;
  readonly files: number;
  /** Blocks on the disk. */
  readonly diskBytes: number;
}

/**
 * By reason, what a store's folder holds that no step would take now; the largest first. Pure.
 *
 * @param floorMs as of `planStep`.
 * @param except names of files that are not counted.
 */
export function explainHeld(
  input: PlanInput,
  floorMs: number | undefined,
  except: ReadonlySet<string> = new Set(),
): Held[] {
  const { snapshot } = input;
  const references = new References(snapshot);
  const idle = planIdle(input);
  const reasonOf = new Map<string, Held['reason']>();
  const texts = new Map<Held['reason'], string>();
  const note = (files: readonly ScannedFile[], reason: Held['reason'], text: string) => {
    // Of rows more is known than of loose files, and they come first.
    if (!texts.has(reason)) texts.set(reason, text);
    for (const { name } of files) if (!reasonOf.has(name)) reasonOf.set(name, reason);
  };
  // What cannot be read is the same for all of them, and somebody has to mend it.
  const textOf = (kept: Kept) =>
    explainKept(kept.reason === 'evidence-unreadable' ? kept : { reason: kept.reason }).replace(/: $/, '');
  const rows = new Map(snapshot.rows.map(({ sessionKey, row }) => [sessionKey, row]));
  for (const kept of idle.kept)
    note(references.filesOf(rows.get(kept.sessionKey) ?? {}), kept.reason, textOf(kept));
  for (const { row, protected: isProtected, idleMs, files } of idle.selected) {
    if (row === null) continue;
    const reason = !isProtected
      ? 'ordinary'
      : floorMs === undefined
        ? 'protected-off'
        : idleMs < floorMs
          ? 'protected-young'
          : 'left';
    note(files, reason, HELD_REASONS[reason]);
  }
  for (const kept of idle.keptFiles) {
    const file = snapshot.files.get(kept.name);
    if (file !== undefined) note([file], kept.reason, textOf(kept));
  }
  const sums = new Map<Held['reason'], { files: number; diskBytes: number }>();
  for (const file of snapshot.files.values()) {
    if (except.has(file.name)) continue;
    const known = reasonOf.get(file.name);
    const reason = known ?? (file.kind === 'store' ? 'store' : isArchivable(file.kind) ? 'left' : 'foreign');
    if (known === undefined) texts.set(reason, HELD_REASONS[reason as keyof typeof HELD_REASONS]);
    const sum = sums.get(reason) ?? { files: 0, diskBytes: 0 };
    sums.set(reason, { files: sum.files + 1, diskBytes: sum.diskBytes + file.diskBytes });
  }
  return [...sums]
    .map(([reason, sum]) => ({ reason, text: texts.get(reason) ?? '', ...sum }))
    .sort((a, b) => b.diskBytes - a.diskBytes);
}
