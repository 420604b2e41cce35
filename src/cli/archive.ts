import { type ArchiveRun, archiveRun, planRun } from '../archive-run.ts';
import { type Installation, workableStores } from '../installation.ts';
import type { ArchivePlan, KeptRow, PlannedSession } from '../plan/plan.ts';
import { explainKept, KEEP_REASONS, type KeepReason, SELECT_REASONS } from '../plan/reasons.ts';
import { countPlans, type PlanCounts } from '../report.ts';
import {
  EXIT,
  type ExitCode,
  type GlobalFlags,
  type Io,
  installationFrom,
  print,
  type Verb,
} from './context.ts';
import { count, formatAge, formatBytes, safe, table } from './format.ts';

interface ArchiveFlags {
  readonly dryRun?: boolean;
  readonly allowLiveGateway?: boolean;
}

export const archive: Verb<ArchiveFlags> = async (io, flags) => {
  const installation = await installationFrom(io, flags);
  return flags.dryRun ? dryRun(installation, io, flags) : realRun(installation, io, flags);
};

async function dryRun(installation: Installation, io: Io, flags: GlobalFlags): Promise<ExitCode> {
  const plans = await planRun(installation);
  const counts = countPlans(plans);
  const json = {
    schema: 'clawback.archive/1',
    dryRun: true,
    ...head(installation),
    planned: counts,
    plan: plans.map(planJson),
  };
  print(io, flags, json, () =>
    [...plans.map(describePlan), describeCounts(counts, 'would archive')].join('\n\n'),
  );
  return EXIT.done;
}

async function realRun(
  installation: Installation,
  io: Io,
  flags: ArchiveFlags & GlobalFlags,
): Promise<ExitCode> {
  const startedMs = installation.clock.nowMs();
  const run = await archiveRun(installation, {
    allowLiveGateway: flags.allowLiveGateway ?? false,
    signal: io.signal,
    onProgress: (done, total) => {
      if (flags.verbose && !flags.json) io.stderr.write(`archived ${done} of ${total} sessions\n`);
    },
  });
  const { counts, failures, leftAlone, filesLeft, damagedBatches } = run.tally;
  const planned = countPlans(run.plans);
  const json = {
    schema: 'clawback.archive/1',
    dryRun: false,
    ...head(installation),
    runId: run.runId,
    instance: run.instance,
    startedAt: new Date(startedMs).toISOString(),
    durationMs: installation.clock.nowMs() - startedMs,
    verified: installation.config.verify,
    planned,
    done: counts,
    leftAlone,
    filesLeft,
    failures,
    damagedBatches,
    ...(flags.verbose ? { plan: run.plans.map(planJson) } : {}),
  };
  print(io, flags, json, () => describeRun(run, planned, installation, flags));
  return exitCodeOf(run);
}

function head(installation: Installation) {
  const skipped = installation.stores.filter(({ state }) => state !== 'file');
  return {
    archive: installation.config.archive,
    stores: workableStores(installation).map(({ id, storePath }) => ({ id, storePath })),
    skippedStores: skipped.map(({ id, state, detail }) => ({ id, state, detail: detail ?? null })),
  };
}

function exitCodeOf({ tally }: ArchiveRun): ExitCode {
  if (tally.failures.length === 0 && tally.damagedBatches.length === 0) return EXIT.done;
  const { counts } = tally;
  const done =
    counts.modelRunRowsRemoved +
    counts.ordinaryRowsPruned +
    counts.ordinaryRowsCapped +
    counts.protectedRowsTrimmed +
    counts.orphanSessionsArchived;
  return done > 0 || tally.failures.length === 0 ? EXIT.someFailed : EXIT.failed;
}

const VERBS = { trim: 'trim', remove: 'remove', files: 'files' } as const;

function describePlan(plan: ArchivePlan): string {
  const selected = plan.selected.map((one) => [
    VERBS[one.action],
    nameOf(one),
    formatAge(one.idleMs),
    `${one.files.length} files`,
    SELECT_REASONS[one.reason],
  ]);
  const kept = plan.kept.map((row) => [
    'keep',
    safe(row.sessionKey),
    row.idleMs === undefined ? '-' : formatAge(row.idleMs),
    '',
    explainKept(row),
  ]);
  const files = plan.keptFiles.map((file) => ['keep', safe(file.name), '', 'file', explainKept(file)]);
  return `${plan.snapshot.store.storePath}\n${table([...selected, ...kept, ...files])}`;
}

function nameOf(session: PlannedSession): string {
  return session.row === null ? `(unreferenced) ${safe(session.sessionId)}` : safe(session.sessionKey);
}

function describeCounts(counts: PlanCounts, verb: string): string {
  const lines = Object.entries(counts.bySelectReason).map(([reason, n]) => [
    n,
    reason === 'orphan-age' ? count(n, 'session').replace(/^[\d,]+ /, '') : n === 1 ? 'row' : 'rows',
    SELECT_REASONS[reason as keyof typeof SELECT_REASONS],
  ]);
  return [
    `${verb} ${count(counts.selectedRows, 'row')} of ${counts.rows} and ${count(counts.selectedFiles, 'file')}, ${formatBytes(counts.selectedBytes)}`,
    ...(lines.length > 0 ? [table(lines)] : []),
    describeKept('kept', counts.keptByReason, counts.keptRows),
    ...(counts.protectedRows > 0
      ? [
          `${count(counts.protectedRows, 'row')} are protected: session.maintenance.maxEntries and retention.maxEntries do not reach them`,
        ]
      : []),
  ].join('\n');
}

function describeKept(title: string, byReason: Partial<Record<KeepReason, number>>, total: number): string {
  const rows = Object.entries(byReason)
    .sort((a, b) => b[1] - a[1])
    .map(([reason, n]) => [n, KEEP_REASONS[reason as KeepReason].replace(/: \{\}$/, '')]);
  return `${title} ${count(total, 'row')}${rows.length > 0 ? `\n${table(rows)}` : ''}`;
}

function describeRun(
  run: ArchiveRun,
  planned: PlanCounts,
  installation: Installation,
  flags: GlobalFlags,
): string {
  const { counts, failures, leftAlone, filesLeft, damagedBatches } = run.tally;
  const skipped = installation.stores.filter(({ state }) => state !== 'file');
  return [
    ...(flags.verbose ? run.plans.map(describePlan) : []),
    `archived to ${run.archiveUrl} as ${run.instance}, run ${run.runId}`,
    table([
      [counts.protectedRowsTrimmed, 'protected rows trimmed to routing tombstones'],
      [counts.modelRunRowsRemoved, 'model-run rows removed'],
      [counts.ordinaryRowsPruned, 'ordinary rows pruned by age'],
      [counts.ordinaryRowsCapped, 'ordinary rows removed beyond retention.maxEntries'],
      [counts.orphanSessionsArchived, 'sessions that only left files behind'],
      ...(counts.recoveredSessions > 0
        ? [[counts.recoveredSessions, 'sessions that an interrupted run had begun']]
        : []),
    ]),
    `${count(counts.filesArchived, 'file')} archived: ${formatBytes(counts.rawBytes)} in ${formatBytes(counts.storedBytes)}, ${count(counts.objects, 'object')}` +
      (installation.config.verify === 'stored'
        ? ' (verify: stored – only the stored bytes were compared)'
        : ', every one read back and compared'),
    `${count(counts.filesReclaimed, 'file')} removed here, ${formatBytes(counts.freedBytes)} freed`,
    describeKept('kept', planned.keptByReason, planned.keptRows),
    ...(leftAlone.length > 0
      ? [`${count(leftAlone.length, 'session')} changed while they were archived and were left as they are`]
      : []),
    ...filesLeft.map(({ name, why }) => `  left ${safe(name)}: ${why}`),
    ...skipped.map(({ id, state, detail }) => `agent ${id} skipped: ${detail ?? state}`),
    ...damagedBatches.map(
      ({ batchId, error }) => `FAILED to finish batch ${batchId} of an earlier run: ${error.message}`,
    ),
    ...failures.map(
      ({ sessionKey, sessionId, error }) =>
        `FAILED ${safe(sessionKey ?? sessionId)}: ${error.message}${error.hint ? ` (${error.hint})` : ''}`,
    ),
  ].join('\n');
}

function planJson(plan: ArchivePlan) {
  return {
    storeId: plan.snapshot.store.id,
    selected: plan.selected.map(
      ({ action, reason, sessionKey, sessionId, kind, protected: isProtected, idleMs, files }) => ({
        action,
        reason,
        sessionKey,
        sessionId,
        kind,
        protected: isProtected,
        idleMs: Math.round(idleMs),
        files: files.map(({ name, sizeBytes }) => ({ name, sizeBytes })),
      }),
    ),
    kept: plan.kept.map((row: KeptRow) => ({ ...row, text: explainKept(row) })),
    keptFiles: plan.keptFiles.map((file) => ({ ...file, text: explainKept(file) })),
  };
}
