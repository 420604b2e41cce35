import { ClawbackError, toErrorData } from '../errors.ts';
import { nightlyLoop } from '../schedule/nightly-loop.ts';
import { readTimetable } from '../schedule/timetable.ts';
import { EXIT, type GlobalFlags, type Io, installationFrom, type Verb, warn } from './context.ts';
import { runNight } from './night.ts';

interface NightlyFlags {
  readonly at?: string;
  readonly timeZone?: string;
  readonly once?: boolean;
}

/**
 * Every night `archive`, `reclaim`, `gc` and `drill` as the settings say, until a signal comes. A night that fails is
 * reported, and the next one comes all the same. Settings are read again for each.
 */
export const nightly: Verb<NightlyFlags> = async (io, flags) => {
  if (flags.once && (flags.at !== undefined || flags.timeZone !== undefined)) {
    throw new ClawbackError('usage', 'nightly: --once does not go together with --at or --time-zone', {
      hint: '--once runs now; leave it away to wait for a time',
    });
  }
  if (flags.once) return runNight(io, flags);
  await untilStopped(io, flags);
  // Stopping is how this command ends: a container that was told to stop has not failed.
  return EXIT.done;
};

async function untilStopped(io: Io, flags: NightlyFlags & GlobalFlags): Promise<void> {
  const { config, state, clock } = await installationFrom(io, flags);
  const timetable = readTimetable(flags.at ?? config.nightly.at, flags.timeZone ?? config.nightly.timeZone);
  const say = (msg: string, text: string, fields: Record<string, string | number> = {}) => {
    if (!flags.quiet) io.log.write({ level: 'info', msg, text, fields });
  };
  await nightlyLoop(
    {
      timetable,
      jitterMs: config.nightly.jitterMs,
      clock,
      random: Math.random,
      lastStartedMs: () => state.lastNightMs(),
      recordStarted: (nowMs) =>
        state.recordNight(nowMs).catch((error: unknown) => {
          // On a full disk this night is the one that matters most.
          const { message, ...more } = toErrorData(error);
          warn(io, message, more);
        }),
      run: async () => {
        say('run begins', `${new Date(clock.nowMs()).toISOString()} run begins`);
        const exitCode = await runNight(io, flags);
        say('run ended', `${new Date(clock.nowMs()).toISOString()} run ended with ${exitCode}`, { exitCode });
      },
      onWait: (dueMs) => {
        const nextRunAt = new Date(dueMs).toISOString();
        say('waits for the next run', `next run at ${nextRunAt}`, { nextRunAt });
      },
    },
    io.signal,
  );
}
