import type { ArchiveRun } from '../archive-run.ts';
import type { Config } from '../config/config.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import type { ArchivePlan, KeptRow, PlannedSession } from '../plan/plan.ts';
import {
  explainKept,
  KEEP_REASONS,
  type KeepReason,
  SELECT_REASONS,
  type SelectReason,
} from '../plan/reasons.ts';
import { type PlanCounts, type Problem, type RunCounts, type SessionFailure, tally } from '../report.ts';
import { count, formatAge, formatBytes, safe, table } from './format.ts';

/** Sessions named for one and the same error. */
const NAMED_FAILURES = 5;

/** Per row the action and the reason. */
export function describePlan(plan: ArchivePlan): string {
  const selected = plan.selected.map((one) => [
    one.action,
    nameOf(one),
    formatAge(one.idleMs),
    count(one.files.length, 'file'),
    SELECT_REASONS[one.reason],
  ]);
  const kept = plan.kept.map((row) => [
    'keep',
    safe(row.sessionKey),
    row.idleMs === undefined ? '-' : formatAge(row.idleMs),
    '',
    explainKept(row),
  ]);
  return `${plan.snapshot.store.storePath}\n${table([...selected, ...kept])}`;
}

function nameOf(session: PlannedSession): string {
  return session.row === null ? `(unreferenced) ${safe(session.sessionId)}` : safe(session.sessionKey);
}

export function describePlanned(counts: PlanCounts, plans: readonly ArchivePlan[]): string {
  const reasons = Object.entries(counts.bySelectReason) as [SelectReason, number][];
  const lines = reasons.map(([reason, n]) => [
    n,
    reason === 'orphan-age' ? 'sessions' : 'rows',
    SELECT_REASONS[reason],
  ]);
  const size = formatBytes(counts.selectedBytes);
  return [
    `would archive ${count(counts.selectedRows, 'row')} of ${counts.rows} and ${count(counts.selectedFiles, 'file')}, ${size}`,
    ...(lines.length > 0 ? [table(lines)] : []),
    describeKept(counts.keptByReason, counts.keptRows),
    ...describeKeptFiles(plans),
    ...describeUnreadable(plans),
    ...(counts.protectedRows > 0
      ? [
          `${count(counts.protectedRows, 'row')} of all are protected: neither OpenClaw's maxEntries nor retention.maxEntries reaches them`,
        ]
      : []),
  ].join('\n');
}

function describeKept(byReason: Partial<Record<KeepReason, number>>, total: number): string {
  const reasons = Object.entries(byReason) as [KeepReason, number][];
  const rows = reasons
    .sort((a, b) => b[1] - a[1])
    .map(([reason, n]) => [n, KEEP_REASONS[reason].replace(/: \{\}$/, '')]);
  return `kept ${count(total, 'row')}${rows.length > 0 ? `\n${table(rows)}` : ''}`;
}

/** By reason: there may be thousands, and `--json` names each. */
function describeKeptFiles(plans: readonly ArchivePlan[]): string[] {
  const files = plans.flatMap((plan) => plan.keptFiles);
  if (files.length === 0) return [];
  const reasons = Object.entries(tally(files.map((file) => file.reason))) as [KeepReason, number][];
  const rows = reasons.map(([reason, n]) => [n, KEEP_REASONS[reason].replace(/: \{\}$/, '')]);
  return [`kept ${count(files.length, 'unreferenced file')}\n${table(rows)}`];
}

/** What stands between the operator and a run that does anything. */
function describeUnreadable(plans: readonly ArchivePlan[]): string[] {
  const sources = plans.flatMap((plan) =>
    plan.snapshot.activity.unreadable.map(({ where, why }) => `${safe(where)}: ${why}`),
  );
  return [...new Set(sources)].map(
    (source) => `WARNING: every row is kept while this cannot be read – ${source}`,
  );
}

const ROAD_TEXTS = {
  gateway: 'rows changed by the gateway itself',
  outside: 'rows changed beside the gateway',
} as const;

const DONE_LINES: readonly (readonly [keyof RunCounts, string])[] = [
  ['protectedRowsTrimmed', 'protected rows trimmed to routing tombstones'],
  ['modelRunRowsRemoved', 'model-run rows removed'],
  ['ordinaryRowsPruned', 'ordinary rows pruned by age'],
  ['ordinaryRowsCapped', 'ordinary rows removed beyond retention.maxEntries'],
  ['orphanSessionsArchived', 'sessions that only had files left'],
  ['recoveredSessions', 'sessions that an interrupted run had begun, finished'],
];

export function describeRun(
  run: ArchiveRun,
  planned: PlanCounts,
  config: Config,
  skipped: readonly StoreLocation[],
): string {
  const { counts, leftAlone, filesLeft } = run.tally;
  const { name: road, why } = run.road;
  const done = DONE_LINES.filter(([name]) => counts[name] > 0).map(([name, text]) => [counts[name], text]);
  const proof =
    config.verify === 'stored'
      ? 'verify: stored – only the stored bytes were compared'
      : 'every file read back and compared';
  return [
    ...(done.length === 0
      ? ['nothing to archive']
      : [
          `archived to ${run.archiveUrl} as ${run.instance}, run ${run.runId}`,
          table(done),
          `${count(counts.filesArchived, 'file')}, ${formatBytes(counts.rawBytes)}, stored in ${formatBytes(counts.storedBytes)}, ${count(counts.objects, 'object')}; ${proof}`,
          `${count(counts.filesReclaimed, 'file')} removed here, ${formatBytes(counts.freedBytes)} freed`,
        ]),
    ...(road === 'direct' ? [] : [`${ROAD_TEXTS[road]}: ${why}`]),
    describeKept(planned.keptByReason, planned.keptRows),
    ...describeUnreadable(run.plans),
    ...(leftAlone.length > 0
      ? [
          `${count(leftAlone.length, 'session')} changed while being archived and stayed; the next run looks again`,
        ]
      : []),
    ...filesLeft.filter(({ isFailure }) => !isFailure).map(({ name, why }) => `left ${safe(name)}: ${why}`),
    ...skipped.map(({ id, state, detail }) => `agent ${id} skipped: ${detail ?? state}`),
    ...describeWentWrong(run),
  ].join('\n');
}

/** Why the run does not exit with 0. */
export function describeWentWrong({
  tally: { filesLeft, problems, failures },
  interrupted,
}: ArchiveRun): string[] {
  return [
    ...filesLeft
      .filter(({ isFailure }) => isFailure)
      .map(({ name, why }) => `FAILED to remove ${safe(name)}: ${why}`),
    ...describeProblems(problems),
    ...describeFailures(failures),
    ...(interrupted ? ['interrupted: the next run finishes what was begun; nothing is lost'] : []),
  ];
}

export function describeProblems(problems: readonly Problem[]): string[] {
  return problems.map(({ what, error }) => `FAILED ${what}: ${error.message}${hintOf(error)}`);
}

/** One paragraph an error: when the bucket is gone, 500 sessions share it. */
function describeFailures(failures: readonly SessionFailure[]): string[] {
  const byError = new Map<string, SessionFailure[]>();
  for (const failure of failures) {
    const text = `${failure.error.message}${hintOf(failure.error)}`;
    byError.set(text, [...(byError.get(text) ?? []), failure]);
  }
  return [...byError].map(([text, group]) => {
    const names = group
      .slice(0, NAMED_FAILURES)
      .map(({ sessionKey, sessionId }) => `\n    ${safe(sessionKey ?? sessionId)}`);
    const more =
      group.length > NAMED_FAILURES
        ? `\n    and ${group.length - NAMED_FAILURES} more (--json lists all)`
        : '';
    return `FAILED ${count(group.length, 'session')}: ${text}${names.join('')}${more}`;
  });
}

function hintOf({ hint }: { hint?: string }): string {
  return hint === undefined ? '' : ` (${hint})`;
}

export function planJson(plan: ArchivePlan) {
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
