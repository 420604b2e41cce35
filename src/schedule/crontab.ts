import { type NightlyJob, shellWord, type Unit } from './unit.ts';

/** One line of a crontab. cron itself makes up for no missed night. */
export function crontabUnit({ argv, timetable }: NightlyJob): Unit {
  // To cron a percent sign ends the command, in quotes too.
  const command = ['nice', '-n', '10', ...argv].map(shellWord).join(' ').replaceAll('%', '\\%');
  const zone = timetable.timeZone === undefined ? '' : `CRON_TZ=${timetable.timeZone}\n`;
  return {
    files: [{ path: 'crontab', text: `${zone}${timetable.cron} ${command}\n` }],
    enable: [],
    notes: [
      'add it with crontab -e; cron mails what a run prints',
      ...(zone === '' ? [] : ['CRON_TZ holds for every line below it; not every cron knows it']),
      'a night that the machine is off is not made up for: clawback nightly, systemd and launchd do that',
    ],
  };
}
