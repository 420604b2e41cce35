import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import spawn, { SubprocessError } from 'nano-spawn';
import { ClawbackError, describe as describeError } from '../errors.ts';
import type { Installation } from '../installation.ts';
import { crontabUnit } from '../schedule/crontab.ts';
import { kubernetesUnit } from '../schedule/kubernetes.ts';
import { launchdUnit } from '../schedule/launchd.ts';
import { openclawCronUnit } from '../schedule/openclaw-cron.ts';
import { systemdUnit } from '../schedule/systemd.ts';
import { readTimetable } from '../schedule/timetable.ts';
import { type NightlyJob, shellWord, type Unit } from '../schedule/unit.ts';
import { ask, canAsk } from './confirm.ts';
import { EXIT, type GlobalFlags, type Io, installationFrom, print, type Verb } from './context.ts';

interface ScheduleFlags {
  readonly at?: string;
  readonly timeZone?: string;
  readonly install?: boolean;
  readonly yes?: boolean;
  readonly image?: string;
}

const UNITS: Readonly<Record<string, (job: NightlyJob) => Unit>> = {
  systemd: systemdUnit,
  launchd: launchdUnit,
  cron: crontabUnit,
  kubernetes: kubernetesUnit,
  'openclaw-cron': openclawCronUnit,
};

/** Prints a unit, or with `--install` writes it and switches it on. */
export const schedule: Verb<ScheduleFlags> = async (io, flags, kind = '') => {
  const installation = await installationFrom(io, flags);
  const unit = UNITS[kind]?.(jobOf(installation, flags));
  if (unit === undefined) throw new ClawbackError('usage', `schedule: there is no scheduler ${kind}`);
  if (flags.install) await install(kind, unit, io, flags);
  const json = { schema: 'clawback.schedule/1', kind, ...unit, installed: flags.install ?? false };
  print(io, flags, json, () => (flags.install ? ['installed', ...unit.notes].join('\n') : describe(unit)));
  return EXIT.done;
};

function jobOf({ config, stateDir }: Installation, flags: ScheduleFlags & GlobalFlags): NightlyJob {
  const { nightly, archive, metrics } = config;
  const archiveDirs = archive.startsWith('file:') ? [fileURLToPath(archive)] : [];
  const given = [
    ...(flags.config === undefined ? [] : ['--config', resolve(flags.config)]),
    ...(flags.archive === undefined ? [] : ['--archive', flags.archive]),
    ...(flags.agent ?? []).flatMap((id) => ['--agent', id]),
    ...(flags.jobs === undefined ? [] : ['--jobs', String(flags.jobs)]),
  ];
  return {
    argv: [process.execPath, mainProgram(), 'nightly', '--once', '--state-dir', stateDir, ...given],
    timetable: readTimetable(flags.at ?? nightly.at, flags.timeZone ?? nightly.timeZone),
    jitterMs: nightly.jitterMs,
    writableDirs: [stateDir, ...archiveDirs.filter((dir) => !dir.startsWith(`${stateDir}/`))],
    ...(metrics.textfile === undefined ? {} : { metricsDir: dirname(metrics.textfile) }),
    ...(flags.image === undefined ? {} : { image: flags.image }),
  };
}

/** Beside us, compiled or not. */
function mainProgram(): string {
  const [compiled, source] = ['./main.js', './main.ts'].map((name) =>
    fileURLToPath(new URL(name, import.meta.url)),
  ) as [string, string];
  return existsSync(compiled) ? compiled : source;
}

function describe({ files, enable, notes }: Unit): string {
  const blocks = files.map(({ path, text }) => (files.length > 1 ? `# ${path}\n${text}` : text));
  const commands = enable.map((command) => `#   ${command.map(shellWord).join(' ')}`);
  const how = files.length > 1 && commands.length > 0 ? ['# switch it on:', ...commands] : [];
  // What is printed can be saved as it is.
  const comment = files.some(({ path }) => path.endsWith('.plist'))
    ? (text: string) => `<!-- ${text} -->`
    : (text: string) => `# ${text}`;
  return [...blocks, [...how, ...notes.map(comment)].join('\n')].join('\n');
}

async function install(kind: string, unit: Unit, io: Io, { yes }: ScheduleFlags): Promise<void> {
  if (unit.enable.length === 0) {
    throw new ClawbackError('usage', `schedule ${kind} --install: this one is not ours to write`, {
      hint: `run clawback schedule ${kind} and put what it prints where it belongs`,
    });
  }
  const files = unit.files.filter(({ path }) => path.startsWith('~/'));
  const paths = files.map(({ path }) => path.replace('~', homedir()));
  const steps = [
    ...paths.map((path) => `write ${path}`),
    ...unit.enable.map((argv) => argv.map(shellWord).join(' ')),
  ];
  if (!yes) await confirm(io, steps);
  for (const [index, path] of paths.entries()) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, files[index]?.text ?? '');
  }
  for (const [program = '', ...argv] of unit.enable) {
    const words = argv.map((word) => word.replace(/^~(?=\/)/, homedir()));
    try {
      await spawn(program, words);
    } catch (error) {
      const doing = `run ${[program, ...argv].map(shellWord).join(' ')}`;
      const said = error instanceof SubprocessError ? error.stderr : '';
      const why = [describeError(error), said].filter((text) => text !== '').join('; ');
      throw new ClawbackError('schedule-failed', `${doing}: ${why}`, {
        hint: `the files above are written; run the commands of clawback schedule ${kind} yourself`,
        cause: error,
      });
    }
  }
}

async function confirm(io: Io, steps: readonly string[]): Promise<void> {
  if (!canAsk(io)) {
    throw new ClawbackError('usage', 'schedule --install: nobody is there to ask', {
      hint: 'add --yes to go on without a question',
    });
  }
  if (await ask(io, `This would\n${steps.map((step) => `  ${step}`).join('\n')}\nGo on?`)) return;
  throw new ClawbackError('interrupted', 'schedule --install: not confirmed, nothing was written');
}
