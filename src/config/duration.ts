import ms from 'ms';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** No session is older; a longer one is a slip of the keyboard, and `ms` overflows dates further up. */
const MAX_YEARS = 100;
const MAX_MS = MAX_YEARS * 365.25 * 24 * HOUR_MS;

const UNITS =
  'ms|msecs?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|y|yrs?|years?';

/** One number and one unit. Lower case only: `1M` would be a minute to `ms` and a month to its reader. */
export const DURATION_PATTERN = new RegExp(`^\\d+(?:\\.\\d+)? ?(?:${UNITS})$`);

export type DurationReading = { readonly ms: number } | { readonly problem: string };

/** Reads `90d`, `24h` or `1.5 hours`. The problem says what is wrong and what to type instead. */
export function readDuration(value: unknown): DurationReading {
  if (typeof value === 'number') return { problem: withoutUnit(String(value)) };
  if (typeof value !== 'string') return { problem: 'is not a duration' };
  const text = value.trim();
  if (text !== '' && Number.isFinite(Number(text))) return { problem: withoutUnit(text) };
  if (/^-/.test(text)) return { problem: 'is negative' };
  if (/^(?:\d+(?:\.\d+)?\s*[a-z]+\s*){2,}$/i.test(text)) {
    return { problem: 'has several units; use one (type 90m for 1h30m)' };
  }
  if (!DURATION_PATTERN.test(text)) {
    return DURATION_PATTERN.test(text.toLowerCase())
      ? { problem: 'has a unit in capitals; units are lower case (m is minutes; type 30d for a month)' }
      : { problem: 'is not a duration' };
  }
  const durationMs = ms(text as ms.StringValue);
  if (!(durationMs <= MAX_MS)) return { problem: `is longer than ${MAX_YEARS} years` };
  if (durationMs < 1) return { problem: 'is not longer than zero; type off to switch a rule off' };
  return { ms: Math.round(durationMs) };
}

function withoutUnit(number: string): string {
  const typed = Number(number) > 0 ? number : '90';
  return `is a number without a unit, which OpenClaw reads as days and the ms package as milliseconds; type "${typed}d" for days`;
}
