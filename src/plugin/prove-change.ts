import { basename } from 'node:path';
import type { ManifestSession } from '../manifest/manifest.ts';
import { canonicalJson, rowSha256 } from '../sessions/canonical-json.ts';
import { isSafeSessionId } from '../sessions/row.ts';
import type { Row, RowChange } from '../sessions/session-store.ts';

/** The archived generation that a change names, with the store that it was taken from. */
export interface ArchivedGeneration {
  readonly storeId: string;
  readonly session: Pick<ManifestSession, 'sessionKey' | 'row' | 'rowSha256' | 'tombstone'>;
}

/** `archive`: row → tombstone or nothing. `forget`: tombstone → nothing. `restore`: anything → the archived row. */
export type ProvenChange =
  | { readonly kind: 'archive' | 'forget' }
  | { readonly kind: 'restore'; readonly archived: Row }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * What the archive says about a change: whoever calls the gateway's method can do nothing that clawback itself would
 * not do. What a restore may hold depends on the row that is there now as well: `refusedInRestore`. Pure.
 */
export function proveChange(
  change: RowChange,
  storeId: string,
  { session, ...source }: ArchivedGeneration,
): ProvenChange {
  const { expectSha256, replaceWith } = change;
  if (session.sessionKey !== change.sessionKey || session.row === null) {
    return refused('the archived generation is of another session key');
  }
  if (replaceWith !== null && !hasSafeSessionId(replaceWith)) return refused('its session id is not usable');
  const isOfStore = source.storeId === storeId;
  if (expectSha256 !== null && expectSha256 === session.rowSha256 && isSame(replaceWith, session.tombstone)) {
    return isOfStore ? { kind: 'archive' } : refused('the generation was archived from another store');
  }
  if (replaceWith === null) {
    const isForgetting = session.tombstone !== null && expectSha256 === rowSha256(session.tombstone);
    if (!isForgetting) return refused('the archive does not hold the row that would go');
    return isOfStore ? { kind: 'forget' } : refused('the generation was archived from another store');
  }
  if (!isSame(replaceWith.sessionId, session.row.sessionId)) {
    return refused('the new row is neither the tombstone nor of the archived session');
  }
  return { kind: 'restore', archived: session.row };
}

/** Set to the moment of a `--resume`, so that the next message goes on with the old transcript. */
const RESUME_DATES = new Set(['updatedAt', 'sessionStartedAt', 'lastInteractionAt']);

/**
 * Why a restored row is refused, or undefined: every field of it is the archived row's or the current row's, value and
 * all, but for three that a restore has to make: the dates of a resume (numbers), `sessionFile` (also the archived
 * one's bare name), and `usageFamilySessionIds` (ids of the two rows). Fields may be left out. Pure.
 */
export function refusedInRestore(
  replaceWith: Row,
  archived: Row,
  current: Row | undefined,
): string | undefined {
  for (const [field, value] of Object.entries(replaceWith)) {
    const isKnown = [archived, current].some(
      (row) => row !== undefined && Object.hasOwn(row, field) && isSame(own(row, field), value),
    );
    if (!isKnown && !isMadeByRestore(field, value, archived, current)) {
      // Names of fields are OpenClaw's, but a forged request may hold anything.
      return `the restored row has a field that neither the archived nor the current row has: ${field.slice(0, 40)}`;
    }
  }
  return undefined;
}

function isMadeByRestore(field: string, value: unknown, archived: Row, current: Row | undefined): boolean {
  if (RESUME_DATES.has(field)) return typeof value === 'number' && Number.isFinite(value);
  if (field === 'sessionFile') {
    return typeof archived.sessionFile === 'string' && value === basename(archived.sessionFile);
  }
  if (field !== 'usageFamilySessionIds' || !Array.isArray(value)) return false;
  const ids = new Set([archived, current].flatMap((row) => (row === undefined ? [] : idsOf(row))));
  return value.every((id) => ids.has(id));
}

function idsOf(row: Row): unknown[] {
  const family = row.usageFamilySessionIds;
  return [row.sessionId, ...(Array.isArray(family) ? (family as unknown[]) : [])];
}

/** OpenClaw drops a row with an unusable id when it saves. A row without one is taken as it is. */
function hasSafeSessionId({ sessionId }: Row): boolean {
  return sessionId === undefined || (typeof sessionId === 'string' && isSafeSessionId(sessionId));
}

function own(row: Row, field: string): unknown {
  return Object.getOwnPropertyDescriptor(row, field)?.value;
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b));
}

function refused(why: string): ProvenChange {
  return { kind: 'refused', why };
}
