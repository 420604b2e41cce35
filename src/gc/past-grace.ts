import type { Archive } from '../archive/archive.ts';
import type { GcOptions } from './gc-context.ts';

/**
 * How many archived generations `gc` would delete now. Reads the marks, and the catalogue only where anything is due.
 * @throws {ClawbackError} `mark-unreadable`.
 */
export async function countPastGrace(
  archive: Archive,
  { nowMs, graceMs, signal }: Pick<GcOptions, 'nowMs' | 'graceMs' | 'signal'>,
): Promise<number> {
  const marks = await archive.marks(signal ? { signal } : {});
  const due = new Set(marks.due(nowMs, graceMs));
  // What was deleted stays marked.
  if (due.size === 0) return 0;
  const rows = await archive.catalogue({ onDamage: () => {}, ...(signal ? { signal } : {}) });
  return rows.filter((row) => due.has(row.archive_id)).length;
}
