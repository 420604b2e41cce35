import { isClawbackError, toErrorData } from '../errors.ts';
import { countPastGrace } from '../gc/past-grace.ts';
import { type Installation, openArchive } from '../installation.ts';
import type { RunReport } from '../reports/run-report.ts';
import { isDrillDue } from '../schedule/drill-due.ts';
import { archiveOnce } from './archive.ts';
import { EXIT, type ExitCode, type GlobalFlags, type Io, warn } from './context.ts';
import { drill } from './drill.ts';
import { count } from './format.ts';
import { collectOnce } from './gc.ts';
import { type Finished, monitored } from './monitored.ts';
import type { CollectionOutcome } from './ping-body.ts';
import { budgetOf, reclaimOnce } from './reclaim.ts';
import { reportError } from './report-error.ts';

/** Undefined: not wanted tonight. */
type Step = (installation: Installation, io: Io, flags: GlobalFlags) => Promise<Finished | undefined>;

const STEPS: readonly Step[] = [archiveStep, reclaimStep, gcStep, drillStep];

/** From the mildest to the worst. */
const SEVERITY: readonly ExitCode[] = [EXIT.done, EXIT.someFailed, EXIT.failed, EXIT.usage, EXIT.interrupted];

/**
 * One night: `archive`; then `reclaim`, where there is a disk budget; then `gc`, where that is wanted; then `drill`, when
 * it is due: it proves what is left. One that fails keeps none of the others from being tried: on a full disk it is
 * `reclaim` that helps. Each prints its own report; the health check is told once. Returns the worst exit code. Never
 * throws.
 */
export async function runNight(io: Io, flags: GlobalFlags): Promise<ExitCode> {
  try {
    return await monitored(io, flags, 'archive', (installation) => runSteps(installation, io, flags));
  } catch (error) {
    return reportError(error, io, { ...flags, verb: 'nightly' });
  }
}

async function runSteps(installation: Installation, io: Io, flags: GlobalFlags): Promise<Finished> {
  let exitCode: ExitCode = EXIT.done;
  const reports: RunReport[] = [];
  let collected: CollectionOutcome | undefined;
  for (const step of STEPS) {
    if (io.signal.aborted) break;
    try {
      const finished = await step(installation, io, flags);
      exitCode = worse(exitCode, finished?.exitCode ?? EXIT.done);
      reports.push(...(finished?.reports ?? []));
      collected ??= finished?.collected;
    } catch (error) {
      exitCode = worse(exitCode, reportError(error, io, { ...flags, verb: 'nightly' }));
    }
  }
  if (io.signal.aborted) exitCode = EXIT.interrupted;
  return { exitCode, reports, ...(collected === undefined ? {} : { collected }) };
}

function worse(a: ExitCode, b: ExitCode): ExitCode {
  return SEVERITY.indexOf(b) > SEVERITY.indexOf(a) ? b : a;
}

async function archiveStep(installation: Installation, io: Io, flags: GlobalFlags): Promise<Finished> {
  printHeading('archive', io, flags);
  return archiveOnce(installation, io, flags);
}

async function reclaimStep(
  installation: Installation,
  io: Io,
  flags: GlobalFlags,
): Promise<Finished | undefined> {
  const budget = budgetOf(installation.config.diskBudget);
  if (budget === undefined) return undefined;
  printHeading('reclaim', io, flags);
  return reclaimOnce(installation, budget, io, flags);
}

async function gcStep(installation: Installation, io: Io, flags: GlobalFlags): Promise<Finished | undefined> {
  const { config, state, clock } = installation;
  const instance = config.instance ?? (await state.instance());
  if (instance === undefined) return undefined;
  if (!config.nightly.gc) {
    await tellOfForgotten(installation, io, flags);
    return undefined;
  }
  printHeading('gc', io, flags);
  const startedMs = clock.nowMs();
  const done = await collectOnce(installation, io, flags).catch((error: unknown) => ({
    exitCode: reportError(error, io, { ...flags, verb: 'nightly' }),
    tally: undefined,
  }));
  if (isClawbackError(done)) {
    // Where hosts share an instance, each night one of them comes first: what waits, waits a day longer.
    const { code, message, hint } = done;
    const msg = `gc is left to the next night: ${message}`;
    if (!flags.quiet) io.log.write({ level: 'info', msg, code, hint });
    return undefined;
  }
  const durationMs = Math.max(0, clock.nowMs() - startedMs);
  return { exitCode: done.exitCode, collected: { ...done, instance, startedMs, durationMs } };
}

/** Somebody has decided that it goes, and nobody has deleted it. */
async function tellOfForgotten({ config, clock, ...rest }: Installation, io: Io, { quiet }: GlobalFlags) {
  try {
    const archive = await openArchive({ config, clock, ...rest }, { create: false });
    const { graceMs } = config.gc;
    const due = await countPastGrace(archive, { nowMs: clock.nowMs(), graceMs, signal: io.signal });
    if (due === 0 || quiet) return;
    const msg = `${count(due, 'forgotten session')} past gc.grace: clawback gc deletes them, and with nightly.gc every night does`;
    io.log.write({ level: 'info', msg, fields: { forgottenPastGrace: due } });
  } catch (error) {
    if (io.signal.aborted) return;
    const { message, ...more } = toErrorData(error);
    warn(io, `look for what is forgotten: ${message}`, more);
  }
}

async function drillStep(
  { config, state, clock }: Installation,
  io: Io,
  flags: GlobalFlags,
): Promise<Finished | undefined> {
  const { drillEveryMs: everyMs } = config.nightly;
  const instance = config.instance ?? (await state.instance());
  // Before the first run there is nothing to restore.
  if (everyMs === undefined || instance === undefined) return undefined;
  const due = { archive: config.archive, everyMs, nowMs: clock.nowMs() };
  if (!isDrillDue(await state.lastDrill(), due)) return undefined;
  printHeading('drill', io, flags);
  return { exitCode: await drill(io, flags) };
}

function printHeading(name: string, { stdout }: Io, { json, quiet }: GlobalFlags): void {
  if (!json && !quiet) stdout.write(`\n== ${name}\n`);
}
