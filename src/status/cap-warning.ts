import type { CapPressure } from './cap-pressure.ts';
import type { StoreCap } from './store-caps.ts';

/** Share of the cap from which protected rows are worth a warning. */
const CROWDED = 0.8;

export interface CapWarning {
  /** What is the case, and what OpenClaw does then. */
  readonly text: string;
  /** What to set. */
  readonly advice: string;
}

/** In plain words, what the cap does to a store. Undefined while there is nothing to say. */
export function capWarning(cap: CapPressure): CapWarning | undefined {
  const { maxEntries, evictsRows, protectedRows, roomForOrdinary } = cap;
  if (!evictsRows) return undefined;
  if (protectedRows >= maxEntries) return { text: describeFull(cap), advice: adviceFor([cap]) };
  if (protectedRows < maxEntries * CROWDED) return undefined;
  const text =
    `${protectedRows} protected rows take most of OpenClaw's session.maintenance.maxEntries (${maxEntries}): ` +
    `once it evicts, only ${roomForOrdinary} ordinary ${roomForOrdinary === 1 ? 'row survives' : 'rows survive'}${andTombstones(cap)}.`;
  return { text, advice: adviceFor([cap]) };
}

export interface CapsWarning extends CapWarning {
  /** Where it concerns several stores: a line for each. */
  readonly stores: readonly string[];
}

/** The same of all stores that there are: what several have in common is said once. Undefined while there is nothing to say. */
export function capsWarning(caps: readonly StoreCap[]): CapsWarning | undefined {
  const crowded = caps.flatMap((one) => {
    const warning = capWarning(one.cap);
    return warning === undefined ? [] : [{ ...one, warning }];
  });
  const [first] = crowded;
  if (first === undefined) return undefined;
  const { storeId, cap, warning } = first;
  if (crowded.length === 1) return { ...warning, text: `store ${storeId}: ${warning.text}`, stores: [] };
  const hasTombstones = crowded.some((one) => one.cap.tombstones > 0);
  return {
    text:
      `in ${crowded.length} stores protected rows take all or most of OpenClaw's session.maintenance.maxEntries (${cap.maxEntries}): ` +
      `where all, ${evictsEveryRow()}${hasTombstones ? `. Tombstones ${STILL_COUNT}` : ''}.`,
    advice: adviceFor(crowded.map((one) => one.cap)),
    stores: crowded.map(describeStore),
  };
}

function describeStore({ storeId, cap }: StoreCap): string {
  const { protectedRows, tombstones, evictable, roomForOrdinary, maxEntries } = cap;
  const of = tombstones === 0 ? '' : `, ${tombstones} of them tombstones`;
  const then =
    protectedRows >= maxEntries
      ? `evicts ${evictable} ordinary rows ${whenEvicting(cap)}`
      : `${roomForOrdinary} ordinary rows survive once it evicts`;
  return `store ${storeId}: ${protectedRows} protected rows${of}; ${then}`;
}

/** Text and advice as one paragraph. */
export function describeCap(cap: CapPressure): string | undefined {
  const warning = capWarning(cap);
  return warning && `${warning.text} ${warning.advice}`;
}

function evictsEveryRow(howMany = ''): string {
  return `it evicts every ordinary row${howMany}, direct chats, cron and the main session too; on 2026.7.35 even agent:main:main cannot start a run then`;
}

const STILL_COUNT = 'still count: archiving frees the disk, not the cap';

function describeFull(cap: CapPressure): string {
  const { maxEntries, protectedRows, evictable } = cap;
  return (
    `${protectedRows} protected rows reach OpenClaw's session.maintenance.maxEntries (${maxEntries}) by themselves: ` +
    `${whenEvicting(cap)} ${evictsEveryRow(` (${evictable} now)`)}${andTombstones(cap)}.`
  );
}

function whenEvicting({ counted, evictsFrom }: CapPressure): string {
  return counted >= evictsFrom ? 'on each write' : `on each write once there are ${evictsFrom} rows`;
}

function andTombstones({ tombstones }: CapPressure): string {
  if (tombstones === 0) return '';
  return `. ${tombstones} of them are tombstones, which ${STILL_COUNT}`;
}

/** OpenClaw has one cap for all stores. */
function adviceFor(caps: readonly CapPressure[]): string {
  const raise = `Set session.maintenance.maxEntries to ${Math.max(...caps.map(suggestCap))} or more in openclaw.json`;
  return `${raise}, or let clawback remove the tombstones of long archived conversations: retention.protectedRemoveAfter, e.g. 180d (docs/config.md says what is lost meanwhile).`;
}

/** Twice what is there, in full hundreds: room for the protected ones to grow. */
function suggestCap({ counted }: CapPressure): number {
  return Math.ceil((counted * 2) / 100) * 100;
}
