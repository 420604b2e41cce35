import type { Config } from '../config/config.ts';
import { type ErrorCode, toErrorData } from '../errors.ts';
import { exitCodeOfError } from '../exit-code.ts';
import { HealthCheck } from '../healthcheck/health-check.ts';
import {
  type Installation,
  type InstallationOptions,
  loadInstallationConfig,
  openInstallation,
  stateDirOf,
} from '../installation.ts';
import type { RunOutcome } from '../metrics/encode-metrics.ts';
import { writeTextfile } from '../metrics/textfile.ts';
import type { RunReport } from '../reports/run-report.ts';
import { LocalState } from '../state/local-state.ts';
import { type ExitCode, type GlobalFlags, type Io, installationOptions, warn } from './context.ts';
import { type CollectionOutcome, pingBody } from './ping-body.ts';

/** What came of a run. */
export interface Finished {
  readonly exitCode: ExitCode;
  /** One for each command that it was made of. Without them a health check and metrics have only the exit code. */
  readonly reports?: readonly RunReport[];
  /** Of a collection that was among them. */
  readonly collected?: CollectionOutcome;
}

/**
 * What a run that changes something goes through, once: the health check is told that it begins and how it ended, and
 * its numbers are left for Prometheus. Neither of these stops the run or changes its outcome. Settings that cannot be
 * read name no health check: then nobody is told.
 * @param command of a run of several, the one that stands for it where there is no report.
 */
export async function monitored(
  io: Io,
  flags: GlobalFlags,
  command: RunReport['command'],
  body: (installation: Installation) => Promise<Finished>,
): Promise<ExitCode> {
  const options = installationOptions(io, flags);
  const { config } = await loadInstallationConfig(stateDirOf(options), options);
  const { url } = config.healthcheck;
  const startedMs = io.clock.nowMs();
  const health = url === undefined ? undefined : new HealthCheck({ url, onFault: (what) => warn(io, what) });
  const end = async ({ exitCode, reports = [], collected }: Finished, code?: ErrorCode) => {
    const outcome = { command, exitCode, startedMs, durationMs: Math.max(0, io.clock.nowMs() - startedMs) };
    await leaveMetrics(io, options, config, outcome, reports, collected);
    await health?.end(exitCode, pingBody({ ...outcome, code }, reports, collected));
  };
  let finished: Finished;
  try {
    finished = await body(await openInstallation(options));
  } catch (error) {
    const { code } = toErrorData(error);
    await end({ exitCode: exitCodeOfError(code) }, code);
    throw error;
  }
  await end(finished);
  return finished.exitCode;
}

interface Outcome {
  readonly command: RunReport['command'];
  readonly exitCode: ExitCode;
  readonly startedMs: number;
  readonly durationMs: number;
}

async function leaveMetrics(
  io: Io,
  options: InstallationOptions,
  config: Config,
  { startedMs, ...outcome }: Outcome,
  reports: readonly RunReport[],
  collected: CollectionOutcome | undefined,
): Promise<void> {
  const { textfile } = config.metrics;
  if (textfile === undefined) return;
  try {
    for (const report of reports) await writeTextfile(textfile, report);
    if (collected !== undefined) await writeTextfile(textfile, collectionMetrics(collected));
    if (reports.length > 0) return;
    // Empty before the first run has made a name.
    const instance = config.instance ?? (await new LocalState(stateDirOf(options)).instance()) ?? '';
    const startedAt = new Date(startedMs).toISOString();
    await writeTextfile(textfile, { ...outcome, instance, startedAt });
  } catch (error) {
    const { message, code, hint } = toErrorData(error);
    warn(io, `leave the numbers of this run for Prometheus: ${message}`, { code, hint });
  }
}

function collectionMetrics({ startedMs, tally, ...outcome }: CollectionOutcome): RunOutcome {
  const deletedSessions = tally === undefined ? {} : { deletedSessions: tally.deleted.length };
  return { ...outcome, ...deletedSessions, command: 'gc', startedAt: new Date(startedMs).toISOString() };
}
