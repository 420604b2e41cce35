import { describe, expect, it } from 'vitest';
import { readTimetable } from '../../src/schedule/timetable.ts';

const at = (text: string) => Date.parse(text);

describe('a timetable', () => {
  it('takes a time of day', () => {
    const table = readTimetable('04:30', 'UTC');
    expect(table.cron).toBe('30 4 * * *');
    expect(table.nextMs(at('2026-11-21T04:29:59Z'))).toBe(at('2026-11-21T04:30:00Z'));
    expect(table.nextMs(at('2026-11-21T04:30:00Z'))).toBe(at('2026-11-22T04:30:00Z'));
  });

  it('takes five cron fields', () => {
    const table = readTimetable('15 3 * * 1', 'UTC');
    expect(table.nextMs(at('2026-11-21T00:00:00Z'))).toBe(at('2026-11-23T03:15:00Z'));
  });

  it('keeps to the time of day of its zone when the clocks change', () => {
    const table = readTimetable('04:30', 'Europe/Berlin');
    expect(table.nextMs(at('2026-10-24T12:00:00Z'))).toBe(at('2026-10-25T03:30:00Z'));
    expect(table.nextMs(at('2026-10-23T12:00:00Z'))).toBe(at('2026-10-24T02:30:00Z'));
  });

  it.each([
    ['24:00', undefined],
    ['04:60', undefined],
    ['noon', undefined],
    ['* * * *', undefined],
    ['61 4 * * *', undefined],
    ['0 0 31 2 *', undefined],
    ['04:30', 'Mars/Olympus'],
    ['', undefined],
  ])('refuses %j in zone %s with what is allowed', (text, zone) => {
    expect(() => readTimetable(text, zone)).toThrow(
      expect.objectContaining({
        code: 'usage',
        hint: expect.stringMatching(/04:30|cron fields|five fields|IANA/),
      }),
    );
  });
});
