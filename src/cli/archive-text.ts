import type { Config } from '../config/config.ts';
import { placeName } from '../manifest/file-place.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import type { ArchivePlan, KeptRow, PlannedSession } from '../plan/plan.ts';
import {
  explainKept,
  KEEP_REASONS,
  type KeepReason,
  SELECT_REASONS,
  type SelectReason,
} from '../plan/reasons.ts';
import { type PlanCounts, type RunCounts, tally } from '../report.ts';
import { KEPT_TOMBSTONES, type TombstoneKept } from '../retire/retire-tombstones.ts';
import type { ArchiveRun } from '../runs/archive-run.ts';
import { isArchivable } from '../scan/file-kind.ts';
import { MEDIA_REASONS } from '../scan/scan-media.ts';
import { capsWarning, describeCap } from '../status/cap-warning.ts';
import type { StoreCap } from '../status/store-caps.ts';
import { count, formatAge, formatBytes, safe, table } from './format.ts';
import { describeUnreadable, describeWentWrong } from './went-wrong.ts';

/** Per row the action and the reason. */
export function describePlan(plan: ArchivePlan): string {
  const selected = plan.selected.map((one) => [
    one.action,
    nameOf(one),
    formatAge(one.idleMs),
    count(one.files.length, 'file'),
    SELECT_REASONS[one.reason],
  ]);
  const retired = plan.retired.map((one) => [
    one.action,
    safe(one.sessionKey),
    formatAge(one.idleMs),
    '',
    SELECT_REASONS[one.reason],
  ]);
  const kept = plan.kept.map((row) => [
    'keep',
    safe(row.sessionKey),
    row.idleMs === undefined ? '-' : formatAge(row.idleMs),
    '',
    explainKept(row),
  ]);
  return `${plan.snapshot.store.storePath}\n${table([...selected, ...retired, ...kept])}`;
}

function nameOf(session: PlannedSession): string {
  return session.row === null ? `(unreferenced) ${safe(session.sessionId)}` : safe(session.sessionKey);
}

export function describePlanned(
  counts: PlanCounts,
  plans: readonly ArchivePlan[],
  caps: readonly StoreCap[],
): string {
  const reasons = Object.entries(counts.bySelectReason) as [SelectReason, number][];
  const lines = reasons.map(([reason, n]) => [
    n,
    reason === 'orphan-age' ? 'sessions' : reason === 'tombstone-age' ? 'tombstones' : 'rows',
    SELECT_REASONS[reason],
  ]);
  const size = formatBytes(counts.selectedBytes);
  return [
    `would archive ${count(counts.selectedRows, 'row')} of ${counts.rows} and ${count(counts.selectedFiles, 'file')}, ${size}`,
    ...(lines.length > 0 ? [table(lines)] : []),
    describeKept(counts.keptByReason, counts.keptRows),
    ...describeKeptFiles(plans),
    ...describeKeptMedia(plans),
    ...describeUnreadable(plans),
    ...(counts.protectedRows > 0
      ? [
          `${count(counts.protectedRows, 'row')} of all are protected: neither OpenClaw's maxEntries nor retention.maxEntries reaches them`,
        ]
      : []),
    ...describeCaps(caps),
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

/** Each by name: there should be none. Every store sees all of them. */
function describeKeptMedia(plans: readonly ArchivePlan[]): string[] {
  const left = plans.flatMap((plan) => plan.snapshot.media.left);
  const lines = left.map(({ name, reason }) => `left ${safe(name)}: ${MEDIA_REASONS[reason]}`);
  return [...new Set(lines)];
}

/** What an operator can do about the wait. */
const OUTSIDE_NOTE =
  'each change was watched until the gateway could not overwrite it any more; the plugin makes that exact and faster: openclaw plugins install "$(npm root -g)/clawback"';

export const ROAD_TEXTS = {
  gateway: 'rows changed by the gateway itself',
  outside: 'rows changed beside the gateway',
} as const;

const DONE_LINES: readonly (readonly [keyof RunCounts, string])[] = [
  ['protectedRowsTrimmed', 'protected rows trimmed to routing tombstones'],
  ['modelRunRowsRemoved', 'model-run rows removed'],
  ['ordinaryRowsPruned', 'ordinary rows pruned by age'],
  ['ordinaryRowsCapped', 'ordinary rows removed beyond retention.maxEntries'],
  ['orphanSessionsArchived', 'sessions that only had files left'],
  ['trajectorySessionsArchived', 'flight recorders of conversations that stay'],
  [
    'tombstonesRemoved',
    'tombstones of long archived conversations removed; nothing reaches these until somebody writes there',
  ],
  ['recoveredSessions', 'sessions that an interrupted run had begun, finished'],
];

export function describeRun(
  run: ArchiveRun,
  planned: PlanCounts,
  config: Config,
  skipped: readonly StoreLocation[],
  caps: readonly StoreCap[],
): string {
  const { counts, leftAlone, filesLeft, failures, tombstonesKept } = run.tally;
  const { name: road, why } = run.road;
  const done = DONE_LINES.filter(([name]) => counts[name] > 0).map(([name, text]) => [counts[name], text]);
  const proof =
    config.verify === 'stored'
      ? 'verify: stored – only the stored bytes were compared'
      : 'every file read back and compared';
  return [
    ...(done.length === 0
      ? [failures.length > 0 ? 'nothing was archived' : 'nothing to archive']
      : [
          `archived to ${run.archiveUrl} as ${run.instance}, run ${run.runId}`,
          table(done),
          `${count(counts.filesArchived, 'file')}, ${formatBytes(counts.rawBytes)}, stored in ${formatBytes(counts.storedBytes)}, ${count(counts.objects, 'object')}; ${proof}`,
          `${count(counts.filesReclaimed, 'file')} removed here, ${formatBytes(counts.freedBytes)} freed`,
        ]),
    ...(road === 'direct' ? [] : [`${ROAD_TEXTS[road]}: ${why}`]),
    ...(road === 'outside' ? [OUTSIDE_NOTE] : []),
    describeKept(planned.keptByReason, planned.keptRows),
    ...describeKeptMedia(run.plans),
    ...(leftAlone.length > 0
      ? [
          `${count(leftAlone.length, 'session')} changed while being archived and stayed; the next run looks again`,
        ]
      : []),
    ...filesLeft.filter(({ isFailure }) => !isFailure).map(({ name, why }) => `left ${safe(name)}: ${why}`),
    ...describeTombstonesKept(tombstonesKept),
    ...skipped.map(({ id, state, detail }) => `agent ${id} skipped: ${detail ?? state}`),
    ...describeCaps(caps),
    ...describeWentWrong(run),
  ].join('\n');
}

/** One line a reason: a damaged batch keeps hundreds. */
function describeTombstonesKept(kept: readonly TombstoneKept[]): string[] {
  return Object.entries(tally(kept.map(({ why }) => why))).map(
    ([why, n]) => `kept ${count(n, 'due tombstone')}: ${KEPT_TOMBSTONES[why as TombstoneKept['why']]}`,
  );
}

/** What OpenClaw's cap does to these stores. */
export function describeCaps(caps: readonly StoreCap[]): string[] {
  const warning = capsWarning(caps);
  if (warning === undefined) return [];
  return [`WARNING: ${warning.text} ${warning.advice}`, ...warning.stores.map((line) => `  ${line}`)];
}

export function capJson({ storeId, cap }: StoreCap) {
  return { storeId, ...cap, warning: describeCap(cap) ?? null };
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
        files: files.map(({ kind, name, sizeBytes }) => ({
          name: isArchivable(kind) ? placeName({ kind, name }) : name,
          sizeBytes,
        })),
      }),
    ),
    retired: plan.retired.map(({ action, reason, sessionKey, archiveId, kind, idleMs }) => ({
      action,
      reason,
      sessionKey,
      archiveId,
      kind,
      idleMs: Math.round(idleMs),
    })),
    kept: plan.kept.map((row: KeptRow) => ({ ...row, text: explainKept(row) })),
    keptFiles: plan.keptFiles.map((file) => ({ ...file, text: explainKept(file) })),
    keptMedia: plan.snapshot.media.left.map((one) => ({ ...one, text: MEDIA_REASONS[one.reason] })),
  };
}
