/** Why a row or file is kept. The text is what `--dry-run` prints; `{}` is the detail. */
export const KEEP_REASONS = {
  'no-policy': 'no retention is set for this kind',
  'protected-off': 'protected; retention.protectedPruneAfter is off',
  'too-young': 'touched or restored more recently than its retention',
  recent: 'touched or restored within retention.minIdle',
  tombstone: 'already archived: this is its routing tombstone',
  'tombstone-young':
    'a routing tombstone; archived or restored more recently than retention.protectedRemoveAfter',
  'tombstone-touched': 'a routing tombstone that something has used since: {}',
  undated: 'carries no date',
  'future-dated': 'dated in the future',
  'other-agent': 'belongs to an agent that was not asked for',
  running: 'a run is in progress',
  'run-unfinished': 'its last run started and never ended',
  'pending-delivery': 'an answer waits for delivery',
  'quota-suspended': 'suspended by a quota',
  acp: 'bound to an ACP session',
  'aborted-run': 'its last run was aborted',
  'model-switch-pending': 'a model switch is pending',
  'subagent-recovery': 'a subagent is being recovered',
  'queued-injection': 'a plugin has queued text for the next turn',
  'restart-recovery': 'being recovered after a restart',
  pinned: 'pinned',
  'archived-in-openclaw': 'archived in OpenClaw itself',
  goal: 'has an open goal',
  'model-locked': 'its model selection is locked',
  'cli-session': 'an external CLI session continues it',
  'shared-session': 'shares its session id or a file with another row',
  'active-child': 'a child session is active: {}',
  'transcript-elsewhere': 'its transcript lies outside the sessions folder, or has no possible file name',
  locked: 'its transcript is locked: {}',
  'codex-bound': 'bound to a Codex session: {}',
  'not-plain-file': 'one of its files is a link, a device, or oddly named: {}',
  'running-task': 'a task is queued or running: {}',
  'subagent-unfinished': 'a subagent run is unfinished: {}',
  'delivery-queued': 'a delivery is queued: {}',
  bound: 'a conversation binding points at it: {}',
  'cron-target': 'a cron job targets it: {}',
  commitment: 'has an open commitment: {}',
  'gateway-run': 'the gateway works on it: {}',
  'evidence-unreadable': 'what is active could not be read: {}',
  'session-id-unsafe': 'its session id is not a plain file name',
} as const;

export type KeepReason = keyof typeof KEEP_REASONS;

/** Which setting selected a session. */
export const SELECT_REASONS = {
  'model-run-age': 'one-shot model run older than retention.modelRunPruneAfter',
  'protected-age': 'protected conversation older than retention.protectedPruneAfter',
  'kind-age': 'older than retention.perKind for its kind',
  'ordinary-age': 'older than retention.pruneAfter',
  'ordinary-cap': 'beyond retention.maxEntries, oldest first (protected rows are not counted)',
  'orphan-age': 'no row references it and it is older than retention.orphanPruneAfter',
  'budget-copy': 'over the disk budget: the archive holds these very bytes already',
  'budget-orphan': 'over the disk budget: no row references it',
  'budget-trajectory':
    'over the disk budget: flight recorder of an idle conversation, whose transcript stays',
  'budget-protected': 'over the disk budget: protected and idle for longer than diskBudget.protectedFloor',
  'tombstone-age':
    'tombstone archived longer ago than retention.protectedRemoveAfter; until somebody writes there, nothing is delivered to it proactively',
} as const;

export type SelectReason = keyof typeof SELECT_REASONS;

export interface Kept {
  readonly reason: KeepReason;
  /** Where it was seen. Never conversation text. */
  readonly detail?: string;
}

export function explainKept({ reason, detail }: Kept): string {
  return KEEP_REASONS[reason].replace('{}', detail ?? '');
}
