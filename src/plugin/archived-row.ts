import { tombstoneMark } from '../sessions/row.ts';
import type { Row } from '../sessions/session-store.ts';

/**
 * What the row of a conversation that gets a message says about the archive. `tombstone`: this generation lies there.
 * `no-history`: no row, or one that this very message has made: the archive's catalogue knows whether there was
 * another before. Undefined: a conversation in use. Pure, and all that an ordinary message costs.
 */
export type ArchivedRow =
  | { readonly kind: 'tombstone'; readonly sessionId: string; readonly archiveId: string }
  | { readonly kind: 'no-history'; readonly sessionId: string | undefined };

export function archivedRow(row: Row | undefined): ArchivedRow | undefined {
  if (row === undefined) return { kind: 'no-history', sessionId: undefined };
  const mark = tombstoneMark(row);
  if (mark !== undefined) return { kind: 'tombstone', sessionId: mark.sessionId, archiveId: mark.archiveId };
  if (HISTORY.some((field) => row[field] !== undefined) || typeof row.sessionId !== 'string')
    return undefined;
  return { kind: 'no-history', sessionId: row.sessionId };
}

/** Fields that a row has once a turn has run, or once a person has set something; a recorded message sets none. */
const HISTORY = ['sessionFile', 'status', 'systemSent', 'usageFamilySessionIds', 'startedAt', 'clawback'];

/** Whether the row still is what was looked up: an inbound message may have touched its routing since. */
export function isStill(before: ArchivedRow, row: Row | undefined): boolean {
  const now = archivedRow(row);
  return now?.kind === before.kind && now.sessionId === before.sessionId;
}
