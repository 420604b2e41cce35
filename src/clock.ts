/** Wall-clock time. Clocks choose candidates; they never authorise a deletion. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

export function fixedClock(nowMs: number): Clock {
  return { nowMs: () => nowMs };
}
