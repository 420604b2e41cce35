import { type Command, InvalidArgumentError, Option } from 'commander';
import type { OnDamage } from '../archive/archive.ts';
import type { Clock } from '../clock.ts';
import { toErrorData } from '../errors.ts';
import type { ExitCode } from '../exit-code.ts';
import { type Installation, type InstallationOptions, openInstallation } from '../installation.ts';
import type { LeaseTimes } from '../leases/lease-times.ts';
import type { Environment } from '../openclaw/state-dir.ts';
import type { LiveTimes } from '../sessions/live-times.ts';
import { LOG_FORMATS, type Log, type LogEntry, type LogFormat } from './log.ts';

export { EXIT, type ExitCode } from '../exit-code.ts';

/** Everything outside of the program that a verb may use. */
export interface Io extends Surroundings {
  /** The one way to standard error. */
  readonly log: Log;
}

/** What a command line is run in. */
export interface Surroundings {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: Environment;
  readonly clock: Clock;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** How long commits beside a gateway are watched. @default LIVE_TIMES */
  readonly liveTimes?: LiveTimes | undefined;
  /** How long leases hold. @default LEASE_TIMES */
  readonly leaseTimes?: LeaseTimes | undefined;
}

export interface GlobalFlags {
  readonly config?: string;
  readonly stateDir?: string;
  readonly archive?: string;
  readonly agent?: readonly string[];
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly jobs?: number;
  readonly logFormat?: LogFormat;
}

/** A verb as `main` runs it: what it returns is the exit code. */
export type Verb<Flags> = (io: Io, flags: Flags & GlobalFlags, ...args: string[]) => Promise<ExitCode>;

export function addGlobalFlags(command: Command): Command {
  return command
    .option('--config <file>', 'settings file (default: clawback.json in the state folder)')
    .option('--state-dir <dir>', 'OpenClaw state folder (default: as OpenClaw finds it, ~/.openclaw)')
    .option('--archive <url>', 'file:///dir or s3://bucket/prefix')
    .option(
      '--agent <id>',
      'only this agent; may be repeated (default: all)',
      (id: string, ids: string[] = []) => [...ids, id.toLowerCase()],
    )
    .option('--jobs <n>', 'worker threads (default: cores)', parseJobs)
    .option('--json', 'print one JSON object (docs/cli-json.md)')
    .option('--quiet', 'print nothing but errors')
    .option('--verbose', 'print every row, not only sums')
    .addOption(
      new Option('--log-format <format>', 'of what goes to standard error (default: text)').choices(
        LOG_FORMATS,
      ),
    );
}

function parseJobs(text: string): number {
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 64) return jobs;
  throw new InvalidArgumentError('Allowed: a whole number from 1 to 64.');
}

export function installationFrom(io: Io, flags: GlobalFlags): Promise<Installation> {
  return openInstallation(installationOptions(io, flags));
}

export function installationOptions(io: Io, flags: GlobalFlags): InstallationOptions {
  return {
    stateDir: flags.stateDir,
    configFile: flags.config,
    archive: flags.archive,
    agents: flags.agent,
    jobs: flags.jobs,
    env: io.env,
    clock: io.clock,
    liveTimes: io.liveTimes,
    leaseTimes: io.leaseTimes,
  };
}

/** Says what is not as it should be and stops nothing. */
export function warn(io: Io, msg: string, about: Pick<LogEntry, 'code' | 'hint' | 'fields'> = {}): void {
  io.log.write({ level: 'warning', msg, ...about, text: `clawback: WARNING: ${msg}` });
}

/** Only other hosts have to wait for it. */
export function warnOfLease(io: Io): (storeId: string, error: unknown) => void {
  return (storeId, error) => {
    const { message, code, hint } = toErrorData(error);
    const msg = `the lease of store ${storeId} was not given back, so that other hosts wait until it expires: ${message}`;
    warn(io, msg, { code, hint });
  };
}

/** A run is what it is, whether or not its report could be kept. */
export function warnOfReport(io: Io): (error: unknown) => void {
  return (error) => {
    const { message, code, hint } = toErrorData(error);
    warn(io, `the report of this run is not kept: ${message}`, { code, hint });
  };
}

/** A damaged object hides nothing but itself; whoever looks is told. */
export function warnOfDamage(io: Io): OnDamage {
  return (what, { message, code, hint }) => warn(io, `${what} is damaged: ${message}`, { code, hint });
}

/**
 * One JSON object, or text for people; with `--quiet` only what went wrong, on standard error. A log in JSON has that
 * in any case.
 */
export function print(
  io: Io,
  flags: GlobalFlags,
  json: object,
  text: () => string,
  wentWrong: readonly (string | LogEntry)[] = [],
): void {
  if (flags.json) io.stdout.write(`${JSON.stringify(json, undefined, 2)}\n`);
  else if (!flags.quiet) io.stdout.write(`${text()}\n`);
  if (io.log.format === 'text' && (flags.json || !flags.quiet)) return;
  for (const one of wentWrong) io.log.write(withPrefix(typeof one === 'string' ? entryOf(one) : one));
}

const WARNING = 'WARNING: ';

function entryOf(line: string): LogEntry {
  return line.startsWith(WARNING)
    ? { level: 'warning', msg: line.slice(WARNING.length), text: line }
    : { level: 'error', msg: line };
}

function withPrefix(entry: LogEntry): LogEntry {
  return { ...entry, text: `clawback: ${entry.text ?? entry.msg}` };
}
