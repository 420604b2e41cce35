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
  const say = (text: string) => {
    if (!flags.quiet) io.stderr.write(`${text}\n`);
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
        say(`${new Date(clock.nowMs()).toISOString()} run begins`);
        const exitCode = await archive(io, flags).catch((error: unknown) =>
          reportError(error, io, flags.json ?? false),
        );
        say(`${new Date(clock.nowMs()).toISOString()} run ended with ${exitCode}`);
      },
      onWait: (dueMs) => say(`next run at ${new Date(dueMs).toISOString()}`),
    },
    io.signal,
  );
  // Stopping is how this command ends: a container that was told to stop has not failed.
  return EXIT.done;
};
