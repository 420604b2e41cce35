import { describe, expect, test } from 'vitest';
import { isDrillDue } from '../../src/schedule/drill-due.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.parse('2026-11-21T04:31:00.000Z');
const archive = 's3://bucket/home';
const ago = (ageMs: number, url = archive) => ({
  atMs: NOW_MS - ageMs,
  archive: url,
  archived: 9,
  sampled: 5,
  faults: 0,
});
const isDue = (last: ReturnType<typeof ago> | undefined) =>
  isDrillDue(last, { archive, everyMs: 7 * DAY_MS, nowMs: NOW_MS });

describe('a drill', () => {
  test('is due when there was none', () => expect(isDue(undefined)).toBe(true));
  test('is due after its time', () => expect(isDue(ago(7 * DAY_MS))).toBe(true));
  test('is not due before', () => expect(isDue(ago(6 * DAY_MS))).toBe(false));
  test('is due a week later although that night begins some minutes earlier', () =>
    expect(isDue(ago(7 * DAY_MS - 20 * 60_000))).toBe(true));
  test('of another archive does not count', () => expect(isDue(ago(DAY_MS, 'file:///old'))).toBe(true));
  test('in the future, by a clock that was wrong, makes none wait for ever', () =>
    expect(isDue(ago(-DAY_MS))).toBe(true));
});
