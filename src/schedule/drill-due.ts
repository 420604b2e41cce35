import type { LastDrill } from '../state/local-state.ts';

/** Nights do not begin on the same second: a week must not become eight days. */
const EARLY_MS = 3_600_000;

/** Whether a night is to end with a drill. Pure. @param archive the URL where runs write; a drill of another one does not count. */
export function isDrillDue(
  last: LastDrill | undefined,
  { archive, everyMs, nowMs }: { readonly archive: string; readonly everyMs: number; readonly nowMs: number },
): boolean {
  if (last === undefined || last.archive !== archive) return true;
  // A clock that was set back makes none wait for ever.
  return last.atMs > nowMs || nowMs - last.atMs >= everyMs - EARLY_MS;
}
