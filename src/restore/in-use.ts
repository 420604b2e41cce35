import { ClawbackError } from '../errors.ts';
import { rowBlocker } from '../plan/blockers.ts';
import { explainKept, type KeepReason, type Kept } from '../plan/reasons.ts';
import { References } from '../plan/references.ts';
import { classifyFileName } from '../scan/file-kind.ts';
import type { Snapshot } from '../scan/scan.ts';
import type { Row } from '../sessions/session-store.ts';
import type { RestorePlan } from './restore-in-place.ts';

/**
 * Reasons that say somebody is writing to the conversation, or will as soon as OpenClaw starts. A row that is changed
 * meanwhile is written back from memory. A pin, a binding or a goal keeps a row from being archived, but not from
 * coming back.
 */
const IN_USE: ReadonlySet<KeepReason> = new Set<KeepReason>([
  'running',
  'run-unfinished',
  'pending-delivery',
  'subagent-recovery',
  'restart-recovery',
  'running-task',
  'subagent-unfinished',
]);

/** What shows that the conversation is in use at the moment of the snapshot. Pure. */
export function useOf({ sessionKey, files }: RestorePlan['session'], snapshot: Snapshot): Kept | undefined {
  const current = snapshot.rows.find((one) => one.sessionKey === sessionKey)?.row;
  const blocker = current === undefined ? undefined : rowBlocker(current);
  if (blocker !== undefined && IN_USE.has(blocker.reason)) return blocker;
  const lock = lockOf(files, current, snapshot);
  if (lock !== undefined) return { reason: 'locked', detail: lock };
  const { byKey } = snapshot.activity;
  const evidence =
    sessionKey === null ? undefined : (byKey.get(sessionKey) ?? byKey.get(sessionKey.toLowerCase()));
  if (evidence === undefined || !IN_USE.has(evidence.reason)) return undefined;
  return { reason: evidence.reason, detail: evidence.where };
}

/** The lock of a transcript that would come back, or of one that the conversation has now. */
function lockOf(
  archived: RestorePlan['session']['files'],
  current: Row | undefined,
  snapshot: Snapshot,
): string | undefined {
  const names = archived.map(({ name }) => `${classifyFileName(name, '').base}.jsonl.lock`);
  const theirs = names.find((name) => snapshot.files.has(name));
  if (theirs !== undefined || current === undefined) return theirs;
  return new References(snapshot).filesOf(current).find(({ kind }) => kind === 'lock')?.name;
}

/**
 * A restore that only puts files beside a conversation disturbs nobody.
 * @throws {ClawbackError} `session-in-use` if it would change the row, or set files aside, of one that is in use.
 */
export function assertNotInUse(plan: RestorePlan, snapshot: Snapshot): void {
  const use = useOf(plan.session, snapshot);
  const disturbs = plan.row?.kind === 'put' || plan.files.some(({ state }) => state === 'different');
  if (use === undefined || !disturbs) return;
  throw new ClawbackError(
    'session-in-use',
    `restore ${plan.session.archiveId}: the conversation is in use: ${explainKept(use)}`,
    {
      hint: 'run again when it is quiet, or restore the files elsewhere with --to DIR',
      retryable: true,
    },
  );
}
