import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { crontabUnit } from '../../src/schedule/crontab.ts';
import { kubernetesUnit } from '../../src/schedule/kubernetes.ts';
import { launchdUnit } from '../../src/schedule/launchd.ts';
import { openclawCronUnit } from '../../src/schedule/openclaw-cron.ts';
import { systemdUnit } from '../../src/schedule/systemd.ts';
import { readTimetable } from '../../src/schedule/timetable.ts';
import type { NightlyJob } from '../../src/schedule/unit.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Words that every quoting gets wrong at first. */
const HOSTILE = ['/opt/my "claw" dir/main.js', 'a$HOME b', "it's", '50%', 'x\\y', '<&>', 'ü'];

function job(at = '04:30', argv: readonly string[] = [process.execPath, 'nightly', '--once']): NightlyJob {
  return {
    argv,
    timetable: readTimetable(at, 'Europe/Berlin'),
    jitterMs: 600_000,
    writableDirs: ['/home/me/.open claw', '/srv/archive'],
    image: 'registry.example/clawback:1',
  };
}

function has(program: string, ...argv: string[]): boolean {
  return spawnSync(program, argv, { stdio: 'ignore' }).status === 0;
}

const SYSTEMD = has('systemd-analyze', '--version');
const PYTHON = has('python3', '-c', 'import plistlib');

async function written(files: readonly { path: string; text: string }[]): Promise<string[]> {
  const folder = await temporaryFolder();
  return Promise.all(
    files.map(async ({ path, text }) => {
      const file = join(folder, path.split('/').at(-1) ?? '');
      await writeFile(file, text);
      return file;
    }),
  );
}

describe('the systemd units', () => {
  it.skipIf(!SYSTEMD)('are accepted by systemd-analyze, whatever the words of the command', async () => {
    const files = await written(systemdUnit(job('04:30', [process.execPath, ...HOSTILE])).files);
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--user', '--man=no', ...files], {
      encoding: 'utf8',
      // A session of its own: a build machine has none.
      env: { ...process.env, XDG_RUNTIME_DIR: await temporaryFolder() },
    });
    const own = stderr.split('\n').filter((line) => line.includes('clawback.'));
    expect([status, own]).toEqual([0, []]);
  });

  it.skipIf(!SYSTEMD).each(['04:30', '30 4 * * 1-5', '*/20 2-4 1,15 * *', '0 5 * 1,7 0'])(
    'say %j as a calendar that systemd reads',
    (at) => {
      const [, timer] = systemdUnit(job(at)).files;
      const calendar = /^OnCalendar=(.*)$/m.exec(timer?.text ?? '')?.[1] ?? '';
      const { status, stderr } = spawnSync('systemd-analyze', ['calendar', calendar], { encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
    },
  );

  it('may write where numbers for Prometheus go, if that is there', () => {
    const [service] = systemdUnit({ ...job(), metricsDir: '/var/lib/node exporter' }).files;
    expect(service?.text).toContain(
      'ReadWritePaths="/home/me/.open claw" /srv/archive "-/var/lib/node exporter"',
    );
  });

  it('make up for a missed night, at low priority, confined to the folders of a run', () => {
    const [service, timer] = systemdUnit(job()).files;
    expect(timer?.text).toContain('Persistent=true');
    expect(timer?.text).toContain('OnCalendar=*-*-* 04:30:00 Europe/Berlin');
    expect(service?.text).toContain('IOSchedulingClass=idle');
    expect(service?.text).toContain('ReadWritePaths="/home/me/.open claw" /srv/archive');
  });

  it('refuse what systemd cannot say', () => {
    expect(() => systemdUnit(job('0 4 1 * 1'))).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('the launch agent', () => {
  it.skipIf(!PYTHON)('is a property list with the very words of the command', async () => {
    const [file = ''] = await written(launchdUnit(job('30 4 * * 1-5', HOSTILE)).files);
    const script = 'import plistlib,json,sys; print(json.dumps(plistlib.load(open(sys.argv[1],"rb"))))';
    const { stdout } = spawnSync('python3', ['-c', script, file], { encoding: 'utf8' });
    const plist = JSON.parse(stdout) as { ProgramArguments: string[]; StartCalendarInterval: unknown[] };
    expect(plist.ProgramArguments).toEqual(HOSTILE);
    expect(plist.StartCalendarInterval).toEqual(
      [1, 2, 3, 4, 5].map((Weekday) => ({ Minute: 30, Hour: 4, Weekday })),
    );
  });

  it('refuses a timetable of thousands of entries', () => {
    expect(() => launchdUnit(job('*/2 0-20 * * *'))).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('the crontab line', () => {
  it('hands the shell the very words of the command', () => {
    const [file] = crontabUnit(job('04:30', ['printf', '%s\\n', ...HOSTILE])).files;
    const line = file?.text.split('\n')[1] ?? '';
    expect(line.startsWith('30 4 * * * ')).toBe(true);
    // As cron does: a backslash before a percent sign goes.
    const command = line.slice('30 4 * * * '.length).replaceAll('\\%', '%');
    const { stdout } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    expect(stdout.split('\n').slice(0, -1)).toEqual(HOSTILE);
  });
});

describe('the CronJob', () => {
  it('is YAML that forbids two runs at a time', () => {
    const [file] = kubernetesUnit(job('04:30', HOSTILE)).files;
    const { kind, spec } = parse(file?.text ?? '') as Record<string, never> & {
      spec: { jobTemplate: { spec: { template: { spec: { containers: { command: string[] }[] } } } } };
    };
    expect(kind).toBe('CronJob');
    expect(spec).toMatchObject({
      schedule: '30 4 * * *',
      timeZone: 'Europe/Berlin',
      concurrencyPolicy: 'Forbid',
      jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never' } } } },
    });
    expect(spec.jobTemplate.spec.template.spec.containers[0]?.command).toEqual(HOSTILE);
  });

  it('asks for an image', () => {
    const { image: _none, ...without } = job();
    expect(() => kubernetesUnit(without)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe("OpenClaw's own scheduler", () => {
  it('gets the words of the command as JSON, past any shell', () => {
    const unit = openclawCronUnit(job('04:30', HOSTILE));
    const [argv = []] = unit.enable;
    expect(JSON.parse(argv[argv.indexOf('--command-argv') + 1] ?? '')).toEqual(HOSTILE);
    expect(argv.slice(0, 3)).toEqual(['openclaw', 'cron', 'add']);
  });
});
