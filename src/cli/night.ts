import { isDrillDue } from '../schedule/drill-due.ts';
import { archive } from './archive.ts';
import { EXIT, type ExitCode, type GlobalFlags, type Io, installationFrom, type Verb } from './context.ts';
import { drill } from './drill.ts';
import { reclaim } from './reclaim.ts';
import { reportError } from './report-error.ts';

/** From the mildest to the worst. */
const SEVERITY: readonly ExitCode[] = [EXIT.done, EXIT.someFailed, EXIT.failed, EXIT.usage, EXIT.interrupted];

interface Step {
  readonly verb: Verb<object>;
  readonly isWanted: (io: Io, flags: GlobalFlags) => Promise<boolean>;
}

const STEPS: readonly Step[] = [
  { verb: archive, isWanted: async () => true },
  { verb: reclaim, isWanted: hasBudget },
  { verb: drill, isWanted: isDrillWanted },
];

/**
 * One night: `archive`; then `reclaim`, where there is a disk budget; then `drill`, when it is due. One that fails
 * keeps none of the others from being tried: on a full disk it is `reclaim` that helps. Each prints its own report.
 * Returns the worst exit code. Never throws.
 */
export async function runNight(io: Io, flags: GlobalFlags): Promise<ExitCode> {
  let worst: ExitCode = EXIT.done;
  for (const { verb, isWanted } of STEPS) {
    // What is wrong with the settings is wrong for all of them.
    if (io.signal.aborted || worst === EXIT.usage) break;
    try {
      if (await isWanted(io, flags)) worst = worse(worst, await verb(io, flags));
    } catch (error) {
      worst = worse(worst, reportError(error, io, flags.json ?? false));
    }
  }
  return io.signal.aborted ? EXIT.interrupted : worst;
}

function worse(a: ExitCode, b: ExitCode): ExitCode {
  return SEVERITY.indexOf(b) > SEVERITY.indexOf(a) ? b : a;
}

async function hasBudget(io: Io, flags: GlobalFlags): Promise<boolean> {
  const { config } = await installationFrom(io, flags);
  return config.diskBudget.maxDiskBytes !== undefined;
}

async function isDrillWanted(io: Io, flags: GlobalFlags): Promise<boolean> {
  const { config, state, clock } = await installationFrom(io, flags);
  const { drillEveryMs: everyMs } = config.nightly;
  const instance = config.instance ?? (await state.instance());
  // Before the first run there is nothing to restore.
  if (everyMs === undefined || instance === undefined) return false;
  return isDrillDue(await state.lastDrill(), { archive: config.archive, everyMs, nowMs: clock.nowMs() });
}
