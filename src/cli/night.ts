import type { Installation } from '../installation.ts';
import type { RunReport } from '../reports/run-report.ts';
import { isDrillDue } from '../schedule/drill-due.ts';
import { archiveOnce } from './archive.ts';
import { EXIT, type ExitCode, type GlobalFlags, type Io } from './context.ts';
import { drill } from './drill.ts';
import { type Finished, monitored } from './monitored.ts';
import { budgetOf, reclaimOnce } from './reclaim.ts';
import { reportError } from './report-error.ts';

/** Undefined: not wanted tonight. */
type Step = (installation: Installation, io: Io, flags: GlobalFlags) => Promise<Finished | undefined>;

const STEPS: readonly Step[] = [archiveStep, reclaimStep, drillStep];

/** From the mildest to the worst. */
const SEVERITY: readonly ExitCode[] = [EXIT.done, EXIT.someFailed, EXIT.failed, EXIT.usage, EXIT.interrupted];

/**
 * One night: `archive`; then `reclaim`, where there is a disk budget; then `drill`, when it is due. One that fails
 * keeps none of the others from being tried: on a full disk it is `reclaim` that helps. Each prints its own report;
 * the health check is told once. Returns the worst exit code. Never throws.
 */
export async function runNight(io: Io, flags: GlobalFlags): Promise<ExitCode> {
  try {
    return await monitored(io, flags, 'archive', (installation) => runSteps(installation, io, flags));
  } catch (error) {
    return reportError(error, io, flags.json ?? false);
  }
}

async function runSteps(installation: Installation, io: Io, flags: GlobalFlags): Promise<Finished> {
  let exitCode: ExitCode = EXIT.done;
  const reports: RunReport[] = [];
  for (const step of STEPS) {
    if (io.signal.aborted) return { exitCode: EXIT.interrupted, reports };
    try {
      const finished = await step(installation, io, flags);
      exitCode = worse(exitCode, finished?.exitCode ?? EXIT.done);
      reports.push(...(finished?.reports ?? []));
    } catch (error) {
      exitCode = worse(exitCode, reportError(error, io, flags.json ?? false));
    }
  }
  return { exitCode: io.signal.aborted ? EXIT.interrupted : exitCode, reports };
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
