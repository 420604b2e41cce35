import { toErrorData } from '../errors.ts';
import { exitCodeOfRun } from '../exit-code.ts';
import { type Installation, workableStores } from '../installation.ts';
import type { OnProgress } from '../progress.ts';
import { countPlans } from '../report.ts';
import { archiveRun, planRun } from '../runs/archive-run.ts';
import { capsOf, readCaps } from '../status/store-caps.ts';
import { capJson, describePlan, describePlanned, describeRun, planJson } from './archive-text.ts';
import {
  EXIT,
  type ExitCode,
  type GlobalFlags,
  type Io,
  installationFrom,
  print,
  type Verb,
  warnOfLease,
  warnOfReport,
} from './context.ts';
import { logEnd } from './log-end.ts';
import { type Finished, monitored } from './monitored.ts';
import { withPlanning, withRunProgress } from './progress/show-progress.ts';
import { describeProblems, unreadable, warningsJson, wentWrong } from './went-wrong.ts';

interface ArchiveFlags {
  readonly dryRun?: boolean;
}

export const archive: Verb<ArchiveFlags> = async (io, flags) =>
  flags.dryRun
    ? dryRun(await installationFrom(io, flags), io, flags)
    : monitored(io, flags, 'archive', (installation) => archiveOnce(installation, io, flags));

async function dryRun(installation: Installation, io: Io, flags: GlobalFlags): Promise<ExitCode> {
  const {
    plans: planned,
    unplanned,
    road,
  } = await withPlanning(io, flags, 'archive', () => planRun(installation, { askGateway: true }));
  const plans = [...planned.keys()];
  const counts = countPlans(plans);
  const problems = unplanned.map(({ store, error }) => ({
    what: `store ${store.id}`,
    error: toErrorData(error),
  }));
  const caps = capsOf(
    plans.map(({ snapshot }) => snapshot),
    installation.openclaw,
  );
  const json = {
    schema: 'clawback.archive/1',
    dryRun: true,
    ...head(installation),
    road,
    planned: counts,
    plan: plans.map(planJson),
    caps: caps.map(capJson),
    warnings: warningsJson(plans),
    problems,
  };
  const failed = describeProblems(problems);
  print(
    io,
    flags,
    json,
    () => [...plans.map(describePlan), describePlanned(counts, plans, caps), ...failed].join('\n\n'),
    [...unreadable(plans), ...failed],
  );
  return problems.length === 0 ? EXIT.done : EXIT.someFailed;
}

/** The run itself, of which nobody else is told: whoever runs several as one goes through `monitored` himself. */
export async function archiveOnce(installation: Installation, io: Io, flags: GlobalFlags): Promise<Finished> {
  const { clock, config } = installation;
  const startedMs = clock.nowMs();
  const run = await withRunProgress(io, flags, 'archive', (show) => {
    const tell = commitsTold(io, flags);
    const onProgress: OnProgress = (progress) => {
      tell(progress);
      show(progress);
    };
    return archiveRun(installation, {
      signal: io.signal,
      onProgress,
      onReportFailed: warnOfReport(io),
      onLeaseStuck: warnOfLease(io),
    });
  });
  const { counts, failures, leftAlone, filesLeft, tombstonesKept, problems } = run.tally;
  const planned = countPlans(run.plans);
  const caps = await readCaps(installation);
  const json = {
    schema: 'clawback.archive/1',
    dryRun: false,
    ...head(installation),
    runId: run.runId,
    instance: run.instance,
    startedAt: new Date(startedMs).toISOString(),
    durationMs: clock.nowMs() - startedMs,
    verified: config.verify,
    road: run.road,
    interrupted: run.interrupted,
    planned,
    done: counts,
    leftAlone,
    filesLeft,
    tombstonesKept,
    caps: caps.map(capJson),
    warnings: warningsJson(run.plans),
    failures,
    problems,
    ...(flags.verbose ? { plan: run.plans.map(planJson) } : {}),
  };
  const plans = flags.verbose ? run.plans.map(describePlan) : [];
  print(
    io,
    flags,
    json,
    () => [...plans, describeRun(run, planned, config, skippedStores(installation), caps)].join('\n\n'),
    wentWrong(run),
  );
  const exitCode = exitCodeOfRun(run.tally, run.interrupted);
  const { runId, durationMs } = json;
  logEnd(io, flags, 'archive', { exitCode, durationMs, fields: { runId, ...counts } });
  return { exitCode, reports: run.report === undefined ? [] : [run.report] };
}

/** With `--verbose` a line for whatever was committed together. */
function commitsTold({ log }: Io, { verbose, json }: GlobalFlags): OnProgress {
  let last = 0;
  return ({ runId, sessionsDone, sessionsTotal }) => {
    if (!verbose || json || sessionsDone === last) return;
    last = sessionsDone;
    const msg = `archived ${sessionsDone} of ${sessionsTotal} sessions`;
    log.write({ level: 'info', msg, fields: { runId, sessionsDone, sessionsTotal } });
  };
}

function skippedStores({ stores }: Installation) {
  return stores.filter(({ state }) => state !== 'file');
}

function head(installation: Installation) {
  return {
    archive: installation.config.archive,
    stores: workableStores(installation).map(({ id, storePath }) => ({ id, storePath })),
    skippedStores: skippedStores(installation).map(({ id, state, detail }) => ({
      id,
      state,
      detail: detail ?? null,
    })),
  };
}
