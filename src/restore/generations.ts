import type { CatalogueRow } from '../manifest/catalogue.ts';

/** One archived state of a conversation. */
export interface Generation {
  readonly row: CatalogueRow;
  /** From 1, the oldest; null for loose files of a conversation that has generations beside them. */
  readonly number: number | null;
  /** How many generations the conversation has. */
  readonly of: number;
  /**
   * Flight recorders that were archived by themselves while this session went on: they belong to the state that was
   * archived next. Oldest first.
   */
  readonly recorders: readonly CatalogueRow[];
}

/** A flight recorder that `reclaim` took of a conversation that stayed: no state of it, but a part of the next. */
export function isRecorder({ action, kind }: Pick<CatalogueRow, 'action' | 'kind'>): boolean {
  return action === 'files' && kind !== 'orphan';
}

/** What tells conversations apart. Loose files without a key are one by their session id. */
export function conversationOf(row: CatalogueRow): string {
  return JSON.stringify([row.agent_id, row.session_key, row.session_key === null ? row.session_id : null]);
}

/**
 * Numbers the generations of every conversation. Pure.
 * @param rows the catalogue, oldest first. @returns the same rows in the same order.
 */
export function numberGenerations(rows: readonly CatalogueRow[]): Generation[] {
  const byConversation = new Map<string, CatalogueRow[]>();
  for (const row of rows) {
    const name = conversationOf(row);
    const known = byConversation.get(name);
    if (known === undefined) byConversation.set(name, [row]);
    else known.push(row);
  }
  const counted = new Map([...byConversation].map(([name, all]) => [name, countable(all)]));
  const recorders = recordersOf(rows);
  return rows.map((row) => {
    const generations = counted.get(conversationOf(row)) ?? [];
    const index = generations.indexOf(row);
    return {
      row,
      number: index < 0 ? null : index + 1,
      of: generations.length,
      recorders: recorders.get(row) ?? [],
    };
  });
}

/**
 * Loose files of an older session never count beside the conversation itself, nor does a row without its files, and a
 * flight recorder not even by itself.
 */
function countable(all: readonly CatalogueRow[]): CatalogueRow[] {
  const states = all.filter((row) => !isRecorder(row));
  const whole = states.filter(isWhole);
  const counted: CatalogueRow[] = [];
  for (const row of whole.length > 0 ? whole : states) {
    if (!counted.some((known) => isRemnant(row, known))) counted.push(row);
  }
  return counted;
}

/** The same session once more after its files had gone: a gateway had written the row back from memory. */
function isRemnant(row: CatalogueRow, known: CatalogueRow): boolean {
  return row.session_id === known.session_id && row.files === 0 && known.files > 0;
}

function isWhole({ action }: CatalogueRow): boolean {
  return action !== 'files';
}

/** By session, since that is what names a recorder: each row's are those since its session was last archived whole. */
function recordersOf(rows: readonly CatalogueRow[]): Map<CatalogueRow, readonly CatalogueRow[]> {
  const found = new Map<CatalogueRow, readonly CatalogueRow[]>();
  const sinceWhole = new Map<string, readonly CatalogueRow[]>();
  for (const row of rows) {
    const session = sessionOf(row);
    const earlier = sinceWhole.get(session) ?? [];
    found.set(row, earlier);
    if (isRecorder(row)) sinceWhole.set(session, [...earlier, row]);
    // A row that was written back from memory brought no state with it.
    else if (isWhole(row) && row.files > 0) sinceWhole.delete(session);
  }
  return found;
}

/** What tells sessions apart, whatever conversation they are of: the files of a store are named after them. */
export function sessionOf({
  store_id: storeId,
  session_id: sessionId,
  session_key: key,
}: Pick<CatalogueRow, 'store_id' | 'session_id' | 'session_key'>): string {
  return JSON.stringify([storeId, sessionId, sessionId === null ? key : null]);
}
