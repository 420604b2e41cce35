import { isArchivable, sessionIdOfBase } from '../scan/file-kind.ts';
import type { ScannedFile, Snapshot } from '../scan/scan.ts';
import { sessionIdOf, tombstoneMark } from '../sessions/row.ts';
import { isProtected, kindOf, parseSessionKey, type SessionKind } from '../sessions/session-key.ts';
import type { Row, StoreRow } from '../sessions/session-store.ts';
import { lastActivityMs } from './activity-time.ts';
import { blockerOf } from './blockers.ts';
import { ageRule, type Policy } from './policy.ts';
import type { Kept, SelectReason } from './reasons.ts';
import { References } from './references.ts';
import { CLOCK_SKEW_MS, isRecentTo, judgeTombstone, type Retirement } from './tombstone-age.ts';

/** `trim`: archive, then leave a tombstone. `remove`: archive, then delete the row. `files`: no row is concerned. */
export type Action = 'trim' | 'remove' | 'files';

export interface PlannedSession {
  readonly action: Action;
  readonly reason: SelectReason;
  /** Null for files that no row references. */
  readonly sessionKey: string | null;
  readonly sessionId: string | null;
  readonly agentId: string;
  readonly kind: SessionKind | 'orphan';
  readonly protected: boolean;
  readonly row: Row | null;
  readonly lastActivityMs: number;
  readonly idleMs: number;
  readonly files: readonly ScannedFile[];
}

/** A tombstone whose row goes: only the archive knows the conversation then. */
export interface PlannedRetirement extends Retirement {
  readonly sessionKey: string;
  /** The tombstone's own. */
  readonly sessionId: string | null;
  readonly agentId: string;
  readonly kind: SessionKind;
  readonly row: Row;
}

export interface KeptRow extends Kept {
  readonly sessionKey: string;
  readonly kind: SessionKind;
  readonly protected: boolean;
  /** Undefined if the row carries no date. */
  readonly idleMs?: number;
}

export interface KeptFile extends Kept {
  readonly name: string;
}

/** What a run does, decided completely before anything is done. `--dry-run` prints it. */
export interface ArchivePlan {
  readonly snapshot: Snapshot;
  readonly selected: readonly PlannedSession[];
  /** Tombstones whose rows go. Nothing is uploaded for them. */
  readonly retired: readonly PlannedRetirement[];
  readonly kept: readonly KeptRow[];
  /** Unreferenced files that stay. */
  readonly keptFiles: readonly KeptFile[];
  /** Session ids that the operator has restored, whenever. */
  readonly restoredIds: ReadonlySet<string>;
}

export interface PlanInput {
  readonly snapshot: Snapshot;
  readonly policy: Policy;
  readonly nowMs: number;
  /** When the operator last restored a session, by its id or, without one, by its key: it counts as activity. */
  readonly restoredAtMs: ReadonlyMap<string, number>;
}

type Judged =
  | { readonly selected: PlannedSession }
  | { readonly retired: PlannedRetirement }
  | { readonly kept: KeptRow; readonly capCandidate?: PlannedSession };

/** Pure: the same input gives the same plan. */
export function planArchive(input: PlanInput): ArchivePlan {
  const references = new References(input.snapshot);
  const judged = input.snapshot.rows.map((row) => judgeRow(row, input, references));
  const capped = capOrdinary(judged, input.policy.maxEntries);
  const orphans = judgeOrphans(input, references, rowsWithoutRule(capped));
  return {
    snapshot: input.snapshot,
    selected: [...capped.flatMap((one) => ('selected' in one ? [one.selected] : [])), ...orphans.selected],
    retired: capped.flatMap((one) => ('retired' in one ? [one.retired] : [])),
    kept: capped.flatMap((one) => ('kept' in one ? [one.kept] : [])),
    keptFiles: orphans.kept,
    restoredIds: new Set(input.restoredAtMs.keys()),
  };
}

function judgeRow(storeRow: StoreRow, input: PlanInput, references: References): Judged {
  const { sessionKey, row } = storeRow;
  const { policy, snapshot, nowMs } = input;
  const kind = kindOf(sessionKey, row);
  const isProtectedRow = isProtected(sessionKey, row);
  const agentId = parseSessionKey(sessionKey)?.agentId ?? snapshot.store.agentId ?? 'main';
  const media = snapshot.media.byKey.get(sessionKey) ?? [];
  const sessionFiles = references.filesOf(row);
  const files = [...sessionFiles, ...media];
  const sessionId = sessionIdOf(row);
  // A transcript that was put back beside a newer session counts for the row that it belongs to.
  const restoredNames = [sessionId ?? sessionKey, ...references.interimIdsOf(row)];
  const restoredMs = Math.max(...restoredNames.map((name) => input.restoredAtMs.get(name) ?? 0));
  // An image may be another conversation's too: its time says nothing about this one.
  const activityMs = lastActivityMs(row, sessionFiles);
  const lastMs = activityMs === undefined ? undefined : Math.max(activityMs, restoredMs);
  const idleMs = lastMs === undefined ? undefined : nowMs - lastMs;
  const keep = (kept: Kept) => ({
    kept: {
      sessionKey,
      kind,
      protected: isProtectedRow,
      ...kept,
      ...(idleMs === undefined ? {} : { idleMs }),
    },
  });

  if (policy.agentIds !== undefined && !policy.agentIds.includes(agentId))
    return keep({ reason: 'other-agent' });
  if (tombstoneMark(row) !== undefined) {
    const verdict = judgeTombstone(storeRow, files, input, references);
    return 'action' in verdict
      ? { retired: { ...verdict, sessionKey, sessionId, agentId, kind, row } }
      : keep(verdict);
  }
  const rule = ageRule(policy, kind, isProtectedRow);
  const cappable = !isProtectedRow && kind !== 'model-run' && policy.maxEntries !== undefined;
  if (rule === undefined && !cappable)
    return keep({ reason: isProtectedRow ? 'protected-off' : 'no-policy' });
  if (typeof row.sessionId === 'string' && sessionId === null) return keep({ reason: 'session-id-unsafe' });

  const blocker = blockerOf(storeRow, files, snapshot, references, isRecentTo(policy, nowMs));
  if (blocker !== undefined) return keep(blocker);
  if (lastMs === undefined || idleMs === undefined) return keep({ reason: 'undated' });
  if (idleMs < -CLOCK_SKEW_MS) return keep({ reason: 'future-dated' });
  if (idleMs < policy.minIdleMs) return keep({ reason: 'recent' });

  const selectFor = (reason: SelectReason): PlannedSession => ({
    action: isProtectedRow ? 'trim' : 'remove',
    reason,
    sessionKey,
    sessionId,
    agentId,
    kind,
    protected: isProtectedRow,
    row,
    lastActivityMs: lastMs,
    idleMs,
    files,
  });
  if (rule !== undefined && idleMs >= rule.limitMs) return { selected: selectFor(rule.reason) };
  return {
    ...keep({ reason: rule === undefined ? 'no-policy' : 'too-young' }),
    ...(cappable ? { capCandidate: selectFor('ordinary-cap') } : {}),
  };
}

/** Selects the oldest idle ordinary rows until at most `maxEntries` ordinary rows remain. */
function capOrdinary(judged: readonly Judged[], maxEntries: number | undefined): readonly Judged[] {
  if (maxEntries === undefined) return judged;
  const remaining = judged.filter(
    (one) => 'kept' in one && !one.kept.protected && one.kept.kind !== 'model-run',
  ).length;
  const candidates = judged.flatMap((one) =>
    'capCandidate' in one && one.capCandidate ? [one.capCandidate] : [],
  );
  const oldest = candidates.sort((a, b) => b.idleMs - a.idleMs).slice(0, Math.max(0, remaining - maxEntries));
  const chosen = new Set(oldest);
  return judged.map((one) =>
    'capCandidate' in one && one.capCandidate && chosen.has(one.capCandidate)
      ? { selected: one.capCandidate }
      : one,
  );
}

/** Rows that no setting will ever select: what an interim session left of theirs would wait for ever. */
function rowsWithoutRule(judged: readonly Judged[]): ReadonlySet<string> {
  const kept = judged.flatMap((one) => ('kept' in one ? [one.kept] : []));
  const never = kept.filter(({ reason }) => reason === 'protected-off' || reason === 'no-policy');
  return new Set(never.map(({ sessionKey }) => sessionKey));
}

/** Unreferenced files, gathered by the session that they belonged to. */
function judgeOrphans(
  input: PlanInput,
  references: References,
  withoutRule: ReadonlySet<string>,
): { selected: PlannedSession[]; kept: KeptFile[] } {
  const { snapshot, policy, nowMs } = input;
  const kept: KeptFile[] = [];
  const groups = new Map<string, ScannedFile[]>();
  const limitMs = policy.orphanPruneAfterMs;
  if (!snapshot.ownsOrphans) return { selected: [], kept };
  const [unreadable] = snapshot.activity.unreadable;
  for (const file of snapshot.files.values()) {
    if (!isArchivable(file.kind)) continue;
    const owner = references.interimOwnerOf(file.name);
    const isLoose =
      owner === undefined ? !references.isReferenced(file.name) : withoutRule.has(owner.sessionKey);
    if (!isLoose) continue;
    const sessionId = sessionIdOfBase(file.base);
    const idleMs = nowMs - Math.max(file.mtimeMs, input.restoredAtMs.get(sessionId) ?? 0);
    const keep = (reason: Kept) => kept.push({ name: file.name, ...reason });
    const lockName = `${file.base}.jsonl.lock`;
    if (limitMs === undefined) keep({ reason: 'no-policy' });
    else if (unreadable !== undefined) keep({ reason: 'evidence-unreadable', detail: unreadable.where });
    else if (!file.isPlain) keep({ reason: 'not-plain-file', detail: file.name });
    else if (snapshot.files.has(lockName)) keep({ reason: 'locked', detail: lockName });
    else if (idleMs < -CLOCK_SKEW_MS) keep({ reason: 'future-dated' });
    else if (idleMs < Math.max(limitMs, policy.minIdleMs)) keep({ reason: 'too-young' });
    else groups.set(file.base, [...(groups.get(file.base) ?? []), file]);
  }
  const selected = [...groups].map(([base, files]) => orphanSession(base, files, input, references));
  const agentIds = policy.agentIds;
  return {
    selected: selected.filter((one) => agentIds === undefined || agentIds.includes(one.agentId)),
    kept,
  };
}

function orphanSession(
  base: string,
  files: readonly ScannedFile[],
  { snapshot, nowMs }: PlanInput,
  references: References,
): PlannedSession {
  const sessionId = sessionIdOfBase(base);
  const sessionKey = references.keyOfFamilyMember(sessionId);
  const lastMs = Math.max(...files.map((file) => file.mtimeMs));
  return {
    action: 'files',
    reason: 'orphan-age',
    sessionKey,
    sessionId,
    agentId:
      (sessionKey === null ? undefined : parseSessionKey(sessionKey)?.agentId) ??
      snapshot.store.agentId ??
      snapshot.store.id,
    kind: 'orphan',
    protected: false,
    row: null,
    lastActivityMs: lastMs,
    idleMs: nowMs - lastMs,
    files,
  };
}
