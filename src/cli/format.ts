import ms from 'ms';
import { oneLine } from '../restore/terminal-text.ts';

export const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** `1.3 GB`, 1024-based, as `du -h` counts. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

export function formatAge(ageMs: number): string {
  return ms(Math.max(0, Math.round(ageMs)));
}

/** `2026-11-21 04:30`. Whoever prints it says that it is UTC. */
export function formatMinute(isoDate: string): string {
  return safe(isoDate.slice(0, 16).replace('T', ' '));
}

/** `1,234`. */
export function formatCount(n: number): string {
  return n.toLocaleString('en-US');
}

/** `1 row`, `2 rows`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${formatCount(n)} ${n === 1 ? one : many}`;
}

/** A key or name from the store, safe to print: it may hold terminal sequences. */
export function safe(text: string | null | undefined): string {
  return text === null || text === undefined ? '-' : oneLine(text, 200);
}

/** Columns of equal width; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, textOf(cell).length);
  const line = (row: readonly (string | number)[]) =>
    row
      .map((cell, i) =>
        typeof cell === 'number' ? textOf(cell).padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join('  ');
  return rows.map((row) => `  ${line(row).trimEnd()}`).join('\n');
}

function textOf(cell: string | number): string {
  return typeof cell === 'number' ? formatCount(cell) : cell;
}
