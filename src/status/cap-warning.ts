import type { CapPressure } from './census.ts';

/** Share of the cap from which protected rows are worth a warning. */
const CROWDED = 0.8;

/** In plain words, what the cap does to this store. Undefined while there is nothing to say. */
export function capWarning(cap: CapPressure): string | undefined {
  const { maxEntries, protectedRows, evictable } = cap;
  if (protectedRows >= maxEntries) {
    return (
      `${protectedRows} protected rows fill session.maintenance.maxEntries (${maxEntries}) by themselves: OpenClaw evicts every ordinary row, ` +
      `${evictable} now, on each write – direct chats, cron, even agent:main:main, which then cannot start a run on 2026.7. ` +
      `Tombstones still count, so archiving frees the disk but not the cap: set session.maintenance.maxEntries to ${suggestCap(cap)} or more in openclaw.json.`
    );
  }
  if (protectedRows >= maxEntries * CROWDED) {
    return (
      `${protectedRows} protected rows take most of session.maintenance.maxEntries (${maxEntries}); only ${cap.roomForOrdinary} ordinary rows survive ` +
      `OpenClaw's cap. Consider ${suggestCap(cap)} in openclaw.json.`
    );
  }
  return undefined;
}

/** Twice what is there, in full hundreds: room for the protected ones to grow. */
function suggestCap({ counted }: CapPressure): number {
  return Math.ceil((counted * 2) / 100) * 100;
}
