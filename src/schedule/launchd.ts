import { ClawbackError } from '../errors.ts';
import { cronFields, type FieldValues } from './cron-fields.ts';
import type { NightlyJob, Unit } from './unit.ts';

const LABEL = 'clawback.nightly';
/** launchd has no ranges: every combination is an entry of its own. */
const MAX_ENTRIES = 200;

/** A launch agent. launchd knows neither time zones nor jitter; it makes up for a night that the machine slept. */
export function launchdUnit({ argv, timetable }: NightlyJob): Unit {
  const path = `~/Library/LaunchAgents/${LABEL}.plist`;
  const log = '<string>/tmp/clawback.log</string>';
  const text = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>${LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${argv.map((word) => `    <string>${xml(word)}</string>`).join('\n')}
  </array>
  <key>StartCalendarInterval</key>
  <array>
${entriesOf(timetable.cron).join('\n')}
  </array>
  <key>ProcessType</key><string>Background</string>
  <key>LowPriorityIO</key><true/>
  <key>Nice</key><integer>10</integer>
  <key>StandardOutPath</key>${log}
  <key>StandardErrorPath</key>${log}
</dict>
</plist>
`;
  return {
    files: [{ path, text }],
    enable: [['launchctl', 'load', '-w', path]],
    notes: [
      `save it as ${path}, then type: launchctl load -w ${path}`,
      'launchd takes the time zone of the machine; nightly.timeZone and nightly.jitter are not used',
      'what a run printed: /tmp/clawback.log',
    ],
  };
}

function entriesOf(cron: string): string[] {
  const { minute, hour, dayOfMonth, month, dayOfWeek } = cronFields(cron);
  const keys: readonly (readonly [string, FieldValues])[] = [
    ['Minute', minute],
    ['Hour', hour],
    ['Day', dayOfMonth],
    ['Month', month],
    ['Weekday', dayOfWeek],
  ];
  let entries = [''];
  for (const [key, values] of keys) {
    if (values === undefined) continue;
    entries = entries.flatMap((entry) =>
      values.map((value) => `${entry}<key>${key}</key><integer>${value}</integer>`),
    );
    if (entries.length > MAX_ENTRIES) {
      throw new ClawbackError(
        'usage',
        `translate the cron expression "${cron}": more than ${MAX_ENTRIES} entries`,
        {
          hint: 'use a time of day such as 04:30',
        },
      );
    }
  }
  return entries.map((entry) => `    <dict>${entry}</dict>`);
}

function xml(text: string): string {
  return text.replace(/[&<>]/g, (char) => `&#${char.charCodeAt(0)};`);
}
