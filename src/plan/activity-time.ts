import type { ScannedFile } from '../scan/scan.ts';
import type { Row } from '../sessions/session-store.ts';

const DATE_FIELDS = [
  'updatedAt',
  'lastInteractionAt',
  'lastActivityAt',
  'sessionStartedAt',
  'startedAt',
  'endedAt',
] as const;

/** When the row says it was last touched, in epoch milliseconds. Undefined if it carries no date. */
export function rowActivityMs(row: Row): number | undefined {
  const dates = DATE_FIELDS.map((field) => row[field]).filter(
    (value): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0,
  );
  return dates.length === 0 ? undefined : Math.max(...dates);
}

/** The newest sign of life of a session: its row or any of its files. */
export function lastActivityMs(row: Row, files: readonly ScannedFile[]): number | undefined {
  const rowMs = rowActivityMs(row);
  return rowMs === undefined ? undefined : Math.max(rowMs, ...files.map((file) => file.mtimeMs));
}
