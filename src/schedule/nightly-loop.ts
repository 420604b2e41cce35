import type { Clock } from '../clock.ts';
import type { Timetable } from './timetable.ts';

/** A machine that slept wakes up in the middle of a pause: the clock is looked at again at least this often. */
const LOOK_AGAIN_MS = 30_000;

export interface NightlyLoop {
  readonly timetable: Timetable;
  /** A run starts up to this much later than it is due, so that a fleet does not strike its bucket at once. */
  readonly jitterMs: number;
  readonly clock: Clock;
  /** From 0 up to 1. */
  random(): number;
  /** When the last run was begun, by this process or one before it. Undefined: never. */
  lastStartedMs(): Promise<number | undefined>;
  recordStarted(nowMs: number): Promise<void>;
  /** One run. What goes wrong in it is its own to report; it never throws. */
  run(): Promise<void>;
  onWait(dueMs: number): void;
}

/**
 * Runs when the timetable says so, until the signal fires; a run in progress is waited for. Runs never overlap,
 * and a due time that passed while the machine slept or the process was down is caught up with once.
 */
export async function nightlyLoop(loop: NightlyLoop, signal: AbortSignal): Promise<void> {
  const { timetable, jitterMs, clock } = loop;
  let since = (await loop.lastStartedMs()) ?? clock.nowMs();
  while (!signal.aborted) {
    // A clock that was set back must not keep the next run away until it has caught up.
    since = Math.min(since, clock.nowMs());
    const dueMs = timetable.nextMs(since);
    if (dueMs === undefined) return;
    const startMs = dueMs + Math.floor(loop.random() * jitterMs);
    loop.onWait(startMs);
    const isReached = await waitUntil(loop, startMs, signal);
    if (signal.aborted) return;
    if (!isReached) continue;
    since = clock.nowMs();
    await loop.recordStarted(since);
    await loop.run();
  }
}

/** False if the clock was set back meanwhile: by the new time another run may be the next. */
async function waitUntil({ clock }: NightlyLoop, untilMs: number, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const nowMs = clock.nowMs();
    if (nowMs >= untilMs || signal.aborted) return true;
    await clock.pause(Math.min(untilMs - nowMs, LOOK_AGAIN_MS), signal);
    // By less than that nobody waits noticeably longer.
    if (clock.nowMs() < nowMs - LOOK_AGAIN_MS) return false;
  }
}
