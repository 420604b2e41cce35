import type { Row } from './session-store.ts';

/** OpenClaw accepts only such ids in file names. */
const SAFE_SESSION_ID = /^[a-z0-9][a-z0-9._-]{0,127}$/i;

export function isSafeSessionId(id: string): boolean {
  return SAFE_SESSION_ID.test(id);
}

/** The row's session id, if it is one that can stand in a file name. */
export function sessionIdOf(row: Row): string | null {
  const id = row.sessionId;
  return typeof id === 'string' && isSafeSessionId(id) ? id : null;
}

/** Session ids under which the conversation ran before. */
export function familyOf(row: Row): string[] {
  const family = row.usageFamilySessionIds;
  return Array.isArray(family) ? family.filter((id): id is string => typeof id === 'string') : [];
}

/** Fields that say where a conversation's answers go, and what it is called there. */
export const ROUTING_FIELDS = [
  'route',
  'deliveryContext',
  'origin',
  'channel',
  'lastChannel',
  'lastTo',
  'lastAccountId',
  'lastThreadId',
  'groupId',
  'groupChannel',
  'subject',
  'space',
  'displayName',
] as const;

/**
 * Our mark in a tombstone. Not named `archivedAt`: from 2026.7.1 on OpenClaw refuses every turn of a row
 * that has such a field. The mark is information; the archive's own manifests decide.
 */
export interface TombstoneMark {
  readonly v: 1;
  readonly archiveId: string;
  /** The tombstone's own session id: a row whose `sessionId` differs was revived. */
  readonly sessionId: string;
}

/** The mark of a row that is a tombstone still. A row that has been used since is none. */
export function tombstoneMark(row: Row): TombstoneMark | undefined {
  const mark = row.clawback as Partial<TombstoneMark> | null | undefined;
  if (typeof mark !== 'object' || typeof mark?.archiveId !== 'string' || typeof mark.sessionId !== 'string')
    return undefined;
  if (mark.sessionId !== row.sessionId || row.updatedAt !== 0) return undefined;
  return { v: 1, archiveId: mark.archiveId, sessionId: mark.sessionId };
}
