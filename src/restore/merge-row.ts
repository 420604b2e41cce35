import { basename, dirname, isAbsolute } from 'node:path';
import { familyOf, ROUTING_FIELDS, sessionIdOf, tombstoneMark } from '../sessions/row.ts';
import type { Row } from '../sessions/session-store.ts';

/** What becomes of the row. `keep`: the conversation goes on under a newer session; its row stays. */
export type RowRestore =
  | { readonly kind: 'put'; readonly row: Row }
  | { readonly kind: 'keep'; readonly why: 'revived' | 'identical' };

export interface MergeInput {
  readonly archived: Row;
  /** The row that is there now; undefined if there is none. */
  readonly current: Row | undefined;
  /** The sessions folder as the store's rows spell it now. After a move to a new host the archived spelling is none of these. */
  readonly folders: ReadonlySet<string>;
  /** Whether a prompt blob that the archived row names by this hash still exists. */
  readonly hasPrompt: (hash: string) => boolean;
  /**
   * False: the gateway is to make the skills' snapshot anew. It stores an inline prompt elsewhere, and 2026.6.11 refuses
   * the next message while the row that it keeps in memory differs in this from the row on the disk. @default true
   */
  readonly keepSkills?: boolean;
  /** Set: the next message continues the restored transcript. */
  readonly resumeAtMs?: number;
}

/** Merges an archived row with what has happened since. Pure. */
export function mergeRow(input: MergeInput): RowRestore {
  const { current, archived, resumeAtMs } = input;
  if (current === undefined) return put(input, {});
  const isTombstone = tombstoneMark(current) !== undefined;
  const isSameSession = sessionIdOf(current) === sessionIdOf(archived);
  if (isTombstone || resumeAtMs !== undefined) return put(input, current);
  return { kind: 'keep', why: isSameSession ? 'identical' : 'revived' };
}

function put(
  { archived, current, folders, hasPrompt, keepSkills = true, resumeAtMs }: MergeInput,
  newer: Row,
): RowRestore {
  const row: Record<string, unknown> = { ...archived };
  const file = archived.sessionFile;
  // A bare name is right wherever the folder lies; OpenClaw spells it out at the next turn.
  if (typeof file === 'string' && isAbsolute(file) && !folders.has(dirname(file)))
    row.sessionFile = basename(file);
  // What the store has now is newer than the archive.
  for (const field of ROUTING_FIELDS) if (newer[field] !== undefined) row[field] = newer[field];
  if (!keepSkills || !promptIsThere(row, hasPrompt)) delete row.skillsSnapshot;
  const family = revivedFamily(archived, current);
  if (family !== undefined) row.usageFamilySessionIds = family;
  if (resumeAtMs !== undefined) {
    // The daily and the idle reset both look at these; with old dates the next message would start afresh.
    row.updatedAt = resumeAtMs;
    row.sessionStartedAt = resumeAtMs;
    row.lastInteractionAt = resumeAtMs;
  }
  return { kind: 'put', row };
}

/** OpenClaw collects prompt blobs that no row names; without its blob a snapshot is rebuilt by the gateway. */
function promptIsThere(row: Row, hasPrompt: (hash: string) => boolean): boolean {
  const hash = (row.skillsSnapshot as { promptRef?: { hash?: unknown } } | null | undefined)?.promptRef?.hash;
  return typeof hash !== 'string' || hasPrompt(hash);
}

/** A conversation resumed under its old session keeps the interim session in its family. */
function revivedFamily(archived: Row, current: Row | undefined): string[] | undefined {
  if (current === undefined || tombstoneMark(current) !== undefined) return undefined;
  const archivedId = sessionIdOf(archived);
  const ids = [...familyOf(archived), ...familyOf(current), sessionIdOf(current)];
  return [...new Set(ids.filter((id): id is string => id !== null && id !== archivedId))];
}
