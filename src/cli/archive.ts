import { archiveRun, planRun } from '../archive-run.ts';
import { toErrorData } from '../errors.ts';
import { exitCodeOfRun } from '../exit-code.ts';
import { type Installation, workableStores } from '../installation.ts';
import { countPlans } from '../report.ts';
import { capsOf, readCaps } from '../status/store-caps.ts';
import {
  capJson,
  describePlan,
  describePlanned,
  describeProblems,
  describeRun,
  describeWentWrong,
  planJson,
} from './archive-text.ts';
import {
  EXIT,
  type ExitCode,
  type GlobalFlags,
  type Io,
  installationFrom,
  print,
  type Verb,
  warnOfReport,
} from './context.ts';

interface ArchiveFlags {
  readonly dryRun?: boolean;
}

export const archive: Verb<ArchiveFlags> = async (io, flags) => {
  const installation = await installationFrom(io, flags);
  return flags.dryRun ? dryRun(installation, io, flags) : realRun(installation, io, flags);
};

async function dryRun(installation: Installation, io: Io, flags: GlobalFlags): Promise<ExitCode> {
  const { plans: planned, unplanned, road } = await planRun(installation, { askGateway: true });
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
    problems,
  };
  const wentWrong = describeProblems(problems);
  print(
    io,
    flags,
    json,
    () => [...plans.map(describePlan), describePlanned(counts, plans, caps), ...wentWrong].join('\n\n'),
    wentWrong,
  );
  return problems.length === 0 ? EXIT.done : EXIT.someFailed;
}

async function realRun(
  installation: Installation,
  io: Io,
  flags: ArchiveFlags & GlobalFlags,
): Promise<ExitCode> {
  const { clock, config } = installation;
  const startedMs = clock.nowMs();
  const run = await archiveRun(installation, {
    signal: io.signal,
    onProgress: ({ sessionsDone, sessionsTotal }) => {
      if (flags.verbose && !flags.json)
        io.stderr.write(`archived ${sessionsDone} of ${sessionsTotal} sessions\n`);
    },
    onReportFailed: warnOfReport(io),
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
    describeWentWrong(run),
  );
  return exitCodeOfRun(run.tally, run.interrupted);
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
