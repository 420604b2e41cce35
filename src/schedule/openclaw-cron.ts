import { type NightlyJob, shellWord, type Unit } from './unit.ts';

/** The first run of a large store over a slow link takes hours. */
const MAX_RUN_SECONDS = String(6 * 3600);

/** A job of OpenClaw's own scheduler. Commands as payload came with OpenClaw 2026.6. */

export function openclawCronUnit({ argv, timetable }: NightlyJob): Unit {
  const zone = timetable.timeZone === undefined ? [] : ['--tz', timetable.timeZone];
  const job = [
    '--name',
    'clawback',
    '--cron',
    timetable.cron,
    ...zone,
    '--no-deliver',
    '--timeout-seconds',
    MAX_RUN_SECONDS,
  ];
  const command = ['openclaw', 'cron', 'add', ...job, '--command-argv', JSON.stringify(argv)];
  return {
    files: [{ path: 'command', text: `${command.map(shellWord).join(' ')}\n` }],
    enable: [command],
    notes: [
      'OpenClaw 2026.6 and later: earlier releases know no jobs that run a command',
      'the gateway must be up at that time, and runs it as its own user',
    ],
  };
}
