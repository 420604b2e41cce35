import { describe, expect, it } from 'vitest';
import { type NightlyLoop, nightlyLoop } from '../../src/schedule/nightly-loop.ts';
import { readTimetable } from '../../src/schedule/timetable.ts';

const at = (text: string) => Date.parse(text);
const iso = (ms: number) => new Date(ms).toISOString();

/** A world whose clock moves only when the loop pauses or a run works. */
function world(options: {
  startMs: number;
  nights: number;
  runMs?: number;
  lastMs?: number;
  jitterMs?: number;
}) {
  const stop = new AbortController();
  const started: string[] = [];
  let nowMs = options.startMs;
  let lastMs = options.lastMs;
  let sleepMs = 0;
  const loop: NightlyLoop = {
    timetable: readTimetable('04:30', 'UTC'),
    jitterMs: options.jitterMs ?? 0,
    clock: {
      nowMs: () => nowMs,
      pause: async (ms) => {
        nowMs += ms + sleepMs;
        sleepMs = 0;
      },
    },
    random: () => 0.5,
    lastStartedMs: async () => lastMs,
    recordStarted: async (ms) => {
      lastMs = ms;
    },
    run: async () => {
      started.push(iso(nowMs));
      nowMs += options.runMs ?? 60_000;
      if (started.length === options.nights) stop.abort();
    },
    onWait: () => {},
  };
  return {
    started,
    run: () => nightlyLoop(loop, stop.signal),
    /** The machine sleeps at its next pause. */
    sleep: (ms: number) => {
      sleepMs = ms;
    },
    stop: () => stop.abort(),
    lastMs: () => lastMs,
  };
}

const HOUR_MS = 3_600_000;

describe('the nightly loop', () => {
  it('runs once a night', async () => {
    const it = world({ startMs: at('2026-11-21T12:00:00Z'), nights: 3 });
    await it.run();
    expect(it.started).toEqual([
      '2026-11-22T04:30:00.000Z',
      '2026-11-23T04:30:00.000Z',
      '2026-11-24T04:30:00.000Z',
    ]);
  });

  it('starts later by its share of the jitter', async () => {
    const it = world({ startMs: at('2026-11-21T12:00:00Z'), nights: 1, jitterMs: HOUR_MS });
    await it.run();
    expect(it.started).toEqual(['2026-11-22T05:00:00.000Z']);
  });

  it('never overlaps: of the nights that a long run took, one is caught up with', async () => {
    const it = world({ startMs: at('2026-11-21T12:00:00Z'), nights: 3, runMs: 60 * HOUR_MS });
    await it.run();
    expect(it.started).toEqual([
      '2026-11-22T04:30:00.000Z',
      '2026-11-24T16:30:00.000Z',
      '2026-11-27T04:30:00.000Z',
    ]);
  });

  it('catches up once with nights that the machine slept through', async () => {
    const it = world({ startMs: at('2026-11-21T12:00:00Z'), nights: 2 });
    it.sleep(50 * HOUR_MS);
    await it.run();
    expect(it.started).toEqual(['2026-11-23T14:00:30.000Z', '2026-11-24T04:30:00.000Z']);
  });

  it('catches up at its start with a night that it was not there for', async () => {
    const missed = { startMs: at('2026-11-21T12:00:00Z'), lastMs: at('2026-11-20T04:30:00Z'), nights: 1 };
    const it = world(missed);
    await it.run();
    expect(it.started).toEqual(['2026-11-21T12:00:00.000Z']);
    expect(it.lastMs()).toBe(at('2026-11-21T12:00:00Z'));
  });

  it('does not run again after a restart in the same night', async () => {
    const it = world({ startMs: at('2026-11-21T05:00:00Z'), lastMs: at('2026-11-21T04:30:00Z'), nights: 1 });
    await it.run();
    expect(it.started).toEqual(['2026-11-22T04:30:00.000Z']);
  });

  it('takes a start in the future for a clock that was set back', async () => {
    const it = world({ startMs: at('2026-11-21T12:00:00Z'), lastMs: at('2027-06-01T04:30:00Z'), nights: 1 });
    await it.run();
    expect(it.started).toEqual(['2026-11-22T04:30:00.000Z']);
  });

  it('is not kept waiting by a clock that is set back while it waits', async () => {
    const it = world({ startMs: at('2027-11-21T12:00:00Z'), nights: 1 });
    it.sleep(-365 * 24 * HOUR_MS);
    await it.run();
    expect(it.started).toEqual(['2026-11-22T04:30:00.000Z']);
  });

  it('ends at once when it is told to while it waits', async () => {
    const it = world({ startMs: at('2026-11-21T12:00:00Z'), nights: 1 });
    it.stop();
    await it.run();
    expect(it.started).toEqual([]);
  });
});
