import { ClawbackError, describe } from '../errors.ts';
import { type PropertySpan, propertySpans } from './property-spans.ts';
import type { Row, StoreRow } from './session-store.ts';

/** One row of sessions.json with the very text that stands for it. */
interface RowText extends StoreRow {
  /** From the opening quote of the key to the last character of the value. */
  readonly text: string;
}

/**
 * The text of a sessions.json, cut at its rows. Replacing a row splices the text, so every other
 * row keeps its bytes: number spellings, key order and unknown fields included.
 */
export class StoreText {
  readonly rows: readonly RowText[];
  readonly #head: string;
  readonly #tail: string;

  private constructor(rows: readonly RowText[], head: string, tail: string) {
    this.rows = rows;
    this.#head = head;
    this.#tail = tail;
  }

  /** @param path for messages only. @throws {ClawbackError} `store-unreadable`. */
  static parse(text: string, path: string): StoreText {
    const refuse = (why: string, cause?: unknown) =>
      new ClawbackError('store-unreadable', `read ${path}: ${why}`, {
        hint: 'nothing was written; restore sessions.json from a backup or remove it with OpenClaw stopped, then run again',
        cause,
      });
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch (error) {
      // V8 quotes the text around the fault; that could be conversation text, so only the place is kept.
      const place = /position \d+(?: \(line \d+ column \d+\))?/.exec(describe(error))?.[0];
      throw refuse(text.length === 0 ? 'the file is empty' : `not valid JSON${place ? ` at ${place}` : ''}`);
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
      throw refuse(
        `expected one JSON object with a row per session key, found ${Array.isArray(parsed) ? 'an array' : typeof parsed}`,
      );
    }
    let spans: readonly PropertySpan[];
    try {
      spans = propertySpans(text);
    } catch (error) {
      if (error instanceof RangeError) throw refuse('it is nested too deeply', error);
      throw error;
    }
    const seen = new Set<string>();
    const rows = spans.map(({ key, start, end }) => {
      if (seen.has(key)) throw refuse('the same session key stands twice');
      seen.add(key);
      const row = Object.getOwnPropertyDescriptor(parsed, key)?.value as Row;
      return { sessionKey: key, row, text: text.slice(start, end) };
    });
    const first = spans[0];
    const last = spans.at(-1);
    if (first === undefined || last === undefined) return new StoreText([], '{\n  ', '\n}');
    return new StoreText(rows, text.slice(0, first.start), text.slice(last.end));
  }

  /** The text with some rows replaced, removed (null) or, for new keys, appended. */
  with(changes: ReadonlyMap<string, Row | null>): string {
    const left = new Map(changes);
    const texts: string[] = [];
    for (const row of this.rows) {
      const change = left.get(row.sessionKey);
      left.delete(row.sessionKey);
      if (change === undefined) texts.push(row.text);
      else if (change !== null) texts.push(formatRow(row.sessionKey, change));
    }
    for (const [sessionKey, row] of left) if (row !== null) texts.push(formatRow(sessionKey, row));
    if (texts.length === 0) return '{}';
    return `${this.#head}${texts.join(',\n  ')}${this.#tail}`;
  }
}

/** As `JSON.stringify(store, null, 2)` prints a row, which is how OpenClaw writes the file. */
function formatRow(sessionKey: string, row: Row): string {
  return `${JSON.stringify(sessionKey)}: ${JSON.stringify(row, null, 2).replaceAll('\n', '\n  ')}`;
}
