import type { CatalogueRow } from '../manifest/catalogue.ts';

/** One archived state of a conversation. */
export interface Generation {
  readonly row: CatalogueRow;
  /** From 1, the oldest; null for loose files of a conversation that has generations beside them. */
  readonly number: number | null;
  /** How many generations the conversation has. */
  readonly of: number;
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
  return rows.map((row) => {
    const generations = counted.get(conversationOf(row)) ?? [];
    const index = generations.indexOf(row);
    return { row, number: index < 0 ? null : index + 1, of: generations.length };
  });
}

/** Loose files of an older session never count beside the conversation itself, nor does a row without its files. */
function countable(all: readonly CatalogueRow[]): CatalogueRow[] {
  const whole = all.filter(({ action }) => action !== 'files');
  const counted: CatalogueRow[] = [];
  for (const row of whole.length > 0 ? whole : all) {
    if (!counted.some((known) => isRemnant(row, known))) counted.push(row);
  }
  return counted;
}

/** The same session once more after its files had gone: a gateway had written the row back from memory. */
function isRemnant(row: CatalogueRow, known: CatalogueRow): boolean {
  return row.session_id === known.session_id && row.files === 0 && known.files > 0;
}
