import type { AddressEvidence } from '../openclaw/activity-evidence.ts';
import { isArchivable } from '../scan/file-kind.ts';
import type { ScannedFile, Snapshot } from '../scan/scan.ts';
import type { Row, StoreRow } from '../sessions/session-store.ts';
import type { KeepReason, Kept } from './reasons.ts';
import { type References, transcriptPlace } from './references.ts';

const isSet = (value: unknown) => value !== undefined && value !== null && value !== false && value !== '';
const isFilled = (value: unknown) =>
  isSet(value) && (typeof value !== 'object' || Object.keys(value as object).length > 0);

/** What the row itself shows. The first hit is the reason; OpenClaw releases of 2026.5 to 2026.7 write these fields. */
const ROW_RULES: readonly (readonly [KeepReason, (row: Row) => boolean])[] = [
  ['running', (row) => row.status === 'running'],
  [
    'pending-delivery',
    (row) => Object.keys(row).some((key) => /^pendingFinalDelivery/.test(key) && isSet(row[key])),
  ],
  ['quota-suspended', (row) => isSet(row.quotaSuspension)],
  ['acp', (row) => isSet(row.acp)],
  ['aborted-run', (row) => row.abortedLastRun === true],
  ['model-switch-pending', (row) => isSet(row.liveModelSwitchPending)],
  ['subagent-recovery', (row) => isSet(row.subagentRecovery)],
  ['queued-injection', (row) => isFilled(row.pluginNextTurnInjections)],
  [
    'restart-recovery',
    (row) => Object.keys(row).some((key) => /^restartRecovery/.test(key) && isFilled(row[key])),
  ],
  ['pinned', (row) => isSet(row.pinnedAt)],
  ['archived-in-openclaw', (row) => isSet(row.archivedAt)],
  ['goal', (row) => isSet(row.goal)],
  ['model-locked', (row) => isSet(row.modelSelectionLocked)],
  [
    'cli-session',
    (row) =>
      isFilled(row.cliSessionBindings) || isFilled(row.claudeCliSessionId) || isFilled(row.cliSessionIds),
  ],
  ['run-unfinished', runUnfinished],
];

function runUnfinished(row: Row): boolean {
  const { startedAt, endedAt } = row as { startedAt?: unknown; endedAt?: unknown };
  if (typeof startedAt !== 'number') return false;
  return typeof endedAt !== 'number' || startedAt > endedAt;
}

/** The activity that a row shows by itself, without its files and neighbours. */
export function rowBlocker(row: Row): Kept | undefined {
  const rule = ROW_RULES.find(([, applies]) => applies(row));
  return rule && { reason: rule[0] };
}

/**
 * Any evidence that the session is in use, or that its files are not ours to take.
 * Age is not looked at here.
 */
export function blockerOf(
  { sessionKey, row }: StoreRow,
  files: readonly ScannedFile[],
  snapshot: Snapshot,
  references: References,
  isRecent: (row: Row) => boolean,
): Kept | undefined {
  return (
    rowBlocker(row) ??
    placeBlocker(row, references) ??
    fileBlocker(files) ??
    evidenceBlocker(sessionKey, row, snapshot) ??
    childBlocker(sessionKey, references, isRecent)
  );
}

function placeBlocker(row: Row, references: References): Kept | undefined {
  if (transcriptPlace(row, references.folder).at === 'elsewhere') return { reason: 'transcript-elsewhere' };
  if (references.isShared(row)) return { reason: 'shared-session' };
  return undefined;
}

/** Locks count even when stale: OpenClaw clears those itself when it starts. */
export function fileBlocker(files: readonly ScannedFile[]): Kept | undefined {
  const first = (kind: ScannedFile['kind']) => files.find((file) => file.kind === kind)?.name;
  const lock = first('lock');
  if (lock !== undefined) return { reason: 'locked', detail: lock };
  const codex = first('codex');
  if (codex !== undefined) return { reason: 'codex-bound', detail: codex };
  const odd = files.find((file) => !file.isPlain || !isArchivable(file.kind))?.name;
  return odd === undefined ? undefined : { reason: 'not-plain-file', detail: odd };
}

function evidenceBlocker(sessionKey: string, row: Row, { activity }: Snapshot): Kept | undefined {
  const evidence = activity.byKey.get(sessionKey) ?? activity.byKey.get(sessionKey.toLowerCase());
  if (evidence !== undefined) return { reason: evidence.reason, detail: evidence.where };
  const queued = activity.queuedDeliveries.find((delivery) => isFor(delivery, sessionKey, row));
  if (queued !== undefined) return { reason: queued.reason, detail: queued.where };
  const unreadable = activity.unreadable[0];
  if (unreadable === undefined) return undefined;
  return { reason: 'evidence-unreadable', detail: `${unreadable.where}: ${unreadable.why}` };
}

function isFor(delivery: AddressEvidence, sessionKey: string, row: Row): boolean {
  const context = (row.deliveryContext ?? {}) as { channel?: unknown; to?: unknown; threadId?: unknown };
  const channel = context.channel ?? row.lastChannel;
  const to = context.to ?? row.lastTo;
  const threadId = context.threadId ?? row.lastThreadId ?? /:thread:(.+)$/i.exec(sessionKey)?.[1];
  if (delivery.to === undefined || to !== delivery.to) return false;
  if (delivery.channel !== undefined && channel !== delivery.channel) return false;
  return delivery.threadId === undefined || String(threadId ?? '') === delivery.threadId;
}

function childBlocker(
  sessionKey: string,
  references: References,
  isRecent: (row: Row) => boolean,
): Kept | undefined {
  const child = references
    .childrenOf(sessionKey)
    .find(({ row }) => isRecent(row) || rowBlocker(row) !== undefined);
  return child && { reason: 'active-child', detail: 'named by spawnedBy or parentSessionKey' };
}
