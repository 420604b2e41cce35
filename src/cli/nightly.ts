import { nightlyLoop } from '../schedule/nightly-loop.ts';
import { readTimetable } from '../schedule/timetable.ts';
import { archive } from './archive.ts';
import { EXIT, installationFrom, type Verb } from './context.ts';
import { reportError } from './report-error.ts';

interface NightlyFlags {
  readonly at?: string;
  readonly timeZone?: string;
}

/**
 * `clawback archive`, every night until a signal comes. A night that fails is reported, and the next one comes all the
 * same. Settings are read again for each run.
 */
export const nightly: Verb<NightlyFlags> = async (io, flags) => {
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
      recordStarted: (nowMs) => state.recordNight(nowMs),
      run: async () => {
        say('run begins', `${new Date(clock.nowMs()).toISOString()} run begins`);
        const exitCode = await archive(io, flags).catch((error: unknown) =>
          reportError(error, io, flags.json ?? false),
        );
        say('run ended', `${new Date(clock.nowMs()).toISOString()} run ended with ${exitCode}`, { exitCode });
      },
      onWait: (dueMs) => {
        const nextRunAt = new Date(dueMs).toISOString();
        say('waits for the next run', `next run at ${nextRunAt}`, { nextRunAt });
      },
    },
    io.signal,
  );
  // Stopping is how this command ends: a container that was told to stop has not failed.
  return EXIT.done;
};
