import type { Random } from './random.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Nothing is generated this close to a threshold, so a run that starts a little later counts the same. */
const MARGIN_MS = 2 * HOUR_MS;

/** `count` ages spread over a band, at least two hours away from both ends. */
export function agesBetween(random: Random, count: number, fromMs: number, toMs: number): number[] {
  return Array.from({ length: count }, () =>
    Math.floor(random.between(fromMs + MARGIN_MS, toMs - MARGIN_MS)),
  );
}

/** `count` ages from `fromMs` to `toMs`, dense near the recent end. */
export function recentAges(random: Random, count: number, fromMs: number, toMs: number): number[] {
  return Array.from({ length: count }, () => Math.floor(fromMs * (toMs / fromMs) ** random.next()));
}

/** The age, moved up to two hours past 1 or 7 days where it lies within two hours of them. */
export function olderThanThreshold(ageMs: number): number {
  const near = [DAY_MS, 7 * DAY_MS].find((thresholdMs) => Math.abs(ageMs - thresholdMs) < MARGIN_MS);
  return near === undefined ? ageMs : near + MARGIN_MS;
}

/** The stamp in a file name: ISO with the colons replaced. */
export function fileStamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replaceAll(':', '-');
}
