import { cronFields, type FieldValues } from './cron-fields.ts';
import type { NightlyJob, Unit } from './unit.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** A user service and its timer. @throws {ClawbackError} `usage` if the timetable cannot be said as OnCalendar. */
export function systemdUnit({ argv, timetable, jitterMs, writableDirs, metricsDir }: NightlyJob): Unit {
  // The dash: it need not be there.
  const writable = [...writableDirs, ...(metricsDir === undefined ? [] : [`-${metricsDir}`])];
  const service = `[Unit]
Description=Archive old OpenClaw conversations

[Service]
Type=oneshot
ExecStart=${argv.map(systemdWord).join(' ')}
# AWS_* and CLAWBACK_* of your own; the file may be absent.
EnvironmentFile=-%E/clawback.env
Nice=10
IOSchedulingClass=idle
UMask=0077
# An interrupted run ends at the next safe point; the next one finishes it.
TimeoutStopSec=2min
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=${writable.map(systemdWord).join(' ')}
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
# No PrivateTmp: the lock of a running gateway lies in /tmp. No MemoryDenyWriteExecute: V8 compiles.
`;
  const timer = `[Unit]
Description=Archive old OpenClaw conversations every night

[Timer]
OnCalendar=${onCalendar(timetable.cron)}${timetable.timeZone === undefined ? '' : ` ${timetable.timeZone}`}
RandomizedDelaySec=${Math.round(jitterMs / 1000)}
# A night that the machine was off for is made up for when it is back.
Persistent=true

[Install]
WantedBy=timers.target
`;
  return {
    files: [
      { path: '~/.config/systemd/user/clawback.service', text: service },
      { path: '~/.config/systemd/user/clawback.timer', text: timer },
    ],
    enable: [
      ['systemctl', '--user', 'daemon-reload'],
      ['systemctl', '--user', 'enable', '--now', 'clawback.timer'],
    ],
    notes: [
      'credentials go into ~/.config/clawback.env, e.g. AWS_PROFILE=archive',
      'without a login session the timer runs only after: loginctl enable-linger',
      'what a run printed: journalctl --user -u clawback',
    ],
  };
}

/** Two quote characters, and what systemd itself expands, are escaped. */
function systemdWord(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@+=:,./%$-]+$/.test(word) ? escaped : `"${escaped.replace(/["\\]/g, '\\$&')}"`;
}

function onCalendar(cron: string): string {
  const { minute, hour, dayOfMonth, month, dayOfWeek } = cronFields(cron);
  const days = dayOfWeek === undefined ? '' : `${dayOfWeek.map((day) => DAYS[day]).join(',')} `;
  return `${days}*-${listed(month)}-${listed(dayOfMonth)} ${listed(hour)}:${listed(minute)}:00`;
}

function listed(values: FieldValues): string {
  return values === undefined ? '*' : values.map((value) => String(value).padStart(2, '0')).join(',');
}
