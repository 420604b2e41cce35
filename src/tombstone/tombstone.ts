import { familyOf, ROUTING_FIELDS, sessionIdOf, type TombstoneMark } from '../sessions/row.ts';
import type { Row } from '../sessions/session-store.ts';

/** Everything that takes room or speaks of a run that is over; the manifest keeps the whole row. */
const DROPPED = new Set([
  // heavy
  'systemPromptReport',
  'skillsSnapshot',
  'compactionCheckpoints',
  'contextBudgetStatus',
  'pluginDebugEntries',
  'pluginExtensions',
  'pluginExtensionSlotKeys',
  // life cycle of the old transcript
  'sessionFile',
  'status',
  'sessionStartedAt',
  'lastInteractionAt',
  'lastActivityAt',
  'lastReadAt',
  'startedAt',
  'endedAt',
  'runtimeMs',
  'systemSent',
  'abortedLastRun',
  'lifecycleRevision',
  'archivedAt',
  'pinnedAt',
  'ambientTranscriptWatermarks',
  // counters
  'inputTokens',
  'outputTokens',
  'totalTokens',
  'totalTokensFresh',
  'cacheRead',
  'cacheWrite',
  'estimatedCostUsd',
  'contextTokens',
  'compactionCount',
  'memoryFlushAt',
  'memoryFlushCompactionCount',
  'memoryFlushContextHash',
  'model',
  'modelProvider',
  'agentHarnessId',
  'fallbackNoticeSelectedModel',
  'fallbackNoticeActiveModel',
  'fallbackNoticeReason',
]);

/** Fields of later releases and of plugins stay when they are this small: one of them may be routing. */
const MAX_UNKNOWN_CHARS = 512;

/** Kept whatever their size: routing, what kind of conversation it is, and where it came from. */
const KEPT = new Set<string>([...ROUTING_FIELDS, 'chatType', 'label', 'spawnedBy', 'parentSessionKey']);

export interface TombstoneInput {
  readonly row: Row;
  readonly archiveId: string;
  /** Freshly made, so that a revived conversation never meets the archived file's name. */
  readonly sessionId: string;
  /** File name of the stub transcript, if there is to be one. */
  readonly stubFile?: string;
}

/**
 * What remains of an archived conversation: all routing, the user's small settings, and nothing else.
 * `updatedAt: 0` makes OpenClaw's channels treat the next message as a new conversation and fetch
 * its recent history again.
 */
export function tombstoneOf({ row, archiveId, sessionId, stubFile }: TombstoneInput): Row {
  const kept = Object.entries(row).filter(([field, value]) => {
    if (KEPT.has(field)) return true;
    return !DROPPED.has(field) && (JSON.stringify(value)?.length ?? 0) <= MAX_UNKNOWN_CHARS;
  });
  const oldId = sessionIdOf(row);
  const family = new Set([...familyOf(row), ...(oldId === null ? [] : [oldId])]);
  const mark: TombstoneMark = { v: 1, archiveId, sessionId };
  return {
    ...Object.fromEntries(kept),
    sessionId,
    updatedAt: 0,
    ...(stubFile === undefined ? {} : { sessionFile: stubFile }),
    ...(family.size === 0 ? {} : { usageFamilySessionIds: [...family] }),
    clawback: mark,
  };
}
