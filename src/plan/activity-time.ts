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

/** When the row says it was last touched, in epoch milliseconds. Undefined if it carries no date, or one that is no number: that may be the newest. */
export function rowActivityMs(row: Row): number | undefined {
  const values = DATE_FIELDS.map((field) => row[field] ?? 0);
  if (!values.every((value) => typeof value === 'number' && Number.isFinite(value))) return undefined;
  const newest = Math.max(...(values as number[]));
  return newest > 0 ? newest : undefined;
}

/** The newest sign of life of a session: its row or any of its files. */
export function lastActivityMs(row: Row, files: readonly ScannedFile[]): number | undefined {
  const rowMs = rowActivityMs(row);
  return rowMs === undefined ? undefined : Math.max(rowMs, ...files.map((file) => file.mtimeMs));
}
