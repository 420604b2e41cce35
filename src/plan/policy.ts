import type { SessionKind } from '../sessions/session-key.ts';
import type { SelectReason } from './reasons.ts';

/** What may go and when. Absent ages are off. All ages in milliseconds. */
export interface Policy {
  readonly protectedPruneAfterMs?: number;
  /** Age of the archive at which a tombstone's row goes too. */
  readonly protectedRemoveAfterMs?: number;
  readonly modelRunPruneAfterMs?: number;
  readonly perKindMs: Partial<Record<SessionKind, number>>;
  readonly orphanPruneAfterMs?: number;
  readonly pruneAfterMs?: number;
  readonly maxEntries?: number;
  /** Nothing younger is ever touched. */
  readonly minIdleMs: number;
  /** Only rows of these agents; undefined: all. */
  readonly agentIds?: readonly string[];
}

export interface AgeRule {
  readonly reason: SelectReason;
  readonly limitMs: number;
}

/** The age rule that applies to a kind, the most specific first. */
export function ageRule(policy: Policy, kind: SessionKind, isProtected: boolean): AgeRule | undefined {
  const rule = (reason: SelectReason, limitMs: number | undefined) =>
    limitMs === undefined ? undefined : { reason, limitMs: Math.max(limitMs, policy.minIdleMs) };
  return (
    rule('kind-age', policy.perKindMs[kind]) ??
    (kind === 'model-run'
      ? rule('model-run-age', policy.modelRunPruneAfterMs)
      : isProtected
        ? rule('protected-age', policy.protectedPruneAfterMs)
        : rule('ordinary-age', policy.pruneAfterMs))
  );
}
