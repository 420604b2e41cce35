import type { CapPressure } from './cap-pressure.ts';

/** Share of the cap from which protected rows are worth a warning. */
const CROWDED = 0.8;

export interface CapWarning {
  /** Protected rows leave no room at all: OpenClaw evicts every ordinary row. */
  readonly isFull: boolean;
  /** What is the case, and what OpenClaw does then. */
  readonly text: string;
  /** What to set. */
  readonly advice: string;
}

/** In plain words, what the cap does to a store. Undefined while there is nothing to say. */
export function capWarning(cap: CapPressure): CapWarning | undefined {
  const { maxEntries, evictsRows, protectedRows, roomForOrdinary } = cap;
  if (!evictsRows) return undefined;
  if (protectedRows >= maxEntries) return { isFull: true, text: describeFull(cap), advice: adviceFor(cap) };
  if (protectedRows < maxEntries * CROWDED) return undefined;
  const text =
    `${protectedRows} protected rows take most of OpenClaw's session.maintenance.maxEntries (${maxEntries}): ` +
    `once it evicts, only ${roomForOrdinary} ordinary ${roomForOrdinary === 1 ? 'row survives' : 'rows survive'}${andTombstones(cap)}.`;
  return { isFull: false, text, advice: adviceFor(cap) };
}

/** Text and advice as one paragraph. */
export function describeCap(cap: CapPressure): string | undefined {
  const warning = capWarning(cap);
  return warning && `${warning.text} ${warning.advice}`;
}

function describeFull(cap: CapPressure): string {
  const { maxEntries, protectedRows, counted, evictable, evictsFrom } = cap;
  const when = counted >= evictsFrom ? 'on each write' : `on each write once there are ${evictsFrom} rows`;
  return (
    `${protectedRows} protected rows reach OpenClaw's session.maintenance.maxEntries (${maxEntries}) by themselves: ` +
    `${when} it evicts every ordinary row (${evictable} now), direct chats, cron and the main session too; ` +
    `on 2026.7.35 even agent:main:main cannot start a run then${andTombstones(cap)}.`
  );
}

function andTombstones({ tombstones }: CapPressure): string {
  if (tombstones === 0) return '';
  return `. ${tombstones} of them are tombstones, which still count: archiving frees the disk, not the cap`;
}

function adviceFor(cap: CapPressure): string {
  const raise = `Set session.maintenance.maxEntries to ${suggestCap(cap)} or more in openclaw.json`;
  return `${raise}, or let clawback remove the tombstones of long archived conversations: retention.protectedRemoveAfter, e.g. 180d (docs/config.md says what is lost meanwhile).`;
}

/** Twice what is there, in full hundreds: room for the protected ones to grow. */
function suggestCap({ counted }: CapPressure): number {
  return Math.ceil((counted * 2) / 100) * 100;
}
