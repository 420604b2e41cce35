import { ClawbackError, describe } from '../errors.ts';
import { commonPrefix, commonSuffix } from './common-ends.ts';
import { type PropertySpan, propertySpans } from './property-spans.ts';
import type { Row, StoreRow } from './session-store.ts';

/** One row of sessions.json and where its text stands. */
export interface RowPlace extends StoreRow {
  /** Byte of the opening quote of the key. */
  readonly start: number;
  /** Behind the last byte of the value. */
  readonly end: number;
}

const SEPARATOR = Buffer.from(',\n  ');

/**
 * The text of a sessions.json, cut at its rows. Replacing a row splices the text, so every other
 * row keeps its bytes: number spellings, key order and unknown fields included.
 */
export class StoreText {
  readonly bytes: Buffer;
  readonly rows: readonly RowPlace[];

  private constructor(bytes: Buffer, rows: readonly RowPlace[]) {
    this.bytes = bytes;
    this.rows = rows;
  }

  /** @param path for messages only. @throws {ClawbackError} `store-unreadable`. */
  static parse(bytes: Buffer, path: string): StoreText {
    const refuse = (why: string, cause?: unknown) =>
      new ClawbackError('store-unreadable', `read ${path}: ${why}`, {
        hint: 'nothing was written; restore sessions.json from a backup or remove it with OpenClaw stopped, then run again',
        cause,
      });
    let rows: RowPlace[];
    try {
      rows = parseRows(bytes);
    } catch (error) {
      if (error instanceof RangeError) throw refuse('it is nested too deeply', error);
      if (error instanceof TypeError) throw refuse('not valid UTF-8', error);
      // V8 quotes the text around the fault; that could be conversation text, so only the place is kept.
      const place = /position \d+(?: \(line \d+ column \d+\))?/.exec(describe(error))?.[0];
      if (!(error instanceof NotRows))
        throw refuse(
          bytes.length === 0 ? 'the file is empty' : `not valid JSON${place ? ` at ${place}` : ''}`,
        );
      throw refuse(`expected one JSON object with a row per session key, found ${error.message}`);
    }
    if (!areDistinct(rows)) throw refuse('the same session key stands twice');
    return new StoreText(bytes, rows);
  }

  /**
   * What `parse` would return for `next`, read around the rows that differ from these: a writer that changes one
   * row of ten megabytes costs a comparison, not a parse. In doubt it is `parse`.
   */
  reparse(next: Buffer, path: string): StoreText {
    if (next.equals(this.bytes)) return this;
    return this.#reparseAround(next) ?? StoreText.parse(next, path);
  }

  /**
   * Both texts begin with the same bytes up to the opening quote of row `first`, and end with the same bytes from
   * behind row `last` on. A parser is in the same state there for both: before a property, and behind one. So if
   * what lies between is one or more properties, as it is when `{…}` around it parses, then the whole is an
   * object of the rows before, these, and the rows behind; and nothing else can make it one.
   */
  #reparseAround(next: Buffer): StoreText | undefined {
    const { bytes, rows } = this;
    const prefix = commonPrefix(bytes, next);
    const suffix = commonSuffix(bytes, next, Math.min(bytes.length, next.length) - prefix);
    const first = rows.findLastIndex(({ start }) => start <= prefix);
    const last = rows.findIndex(({ end }) => end >= bytes.length - suffix);
    const begin = rows[first]?.start;
    const end = rows[last]?.end;
    if (begin === undefined || end === undefined) return undefined;
    const grown = next.length - bytes.length;
    const middle = readProperties(next.subarray(begin, end + grown), begin);
    if (middle === undefined) return undefined;
    const behind = rows
      .slice(last + 1)
      .map((row) => ({ ...row, start: row.start + grown, end: row.end + grown }));
    const all = [...rows.slice(0, first), ...middle, ...behind];
    return areDistinct(all) ? new StoreText(next, all) : undefined;
  }

  /** The bytes with some rows replaced, removed (null) or, for new keys, appended; in pieces, to be written one after the other. */
  with(changes: ReadonlyMap<string, Row | null>): Buffer[] {
    const left = new Map(changes);
    const kept: Buffer[] = [];
    let run: { start: number; end: number } | undefined;
    const endRun = () => {
      if (run !== undefined) kept.push(this.bytes.subarray(run.start, run.end));
      run = undefined;
    };
    for (const { sessionKey, start, end } of this.rows) {
      const change = left.get(sessionKey);
      left.delete(sessionKey);
      if (change === undefined) {
        run = { start: run?.start ?? start, end };
        continue;
      }
      endRun();
      if (change !== null) kept.push(formatRow(sessionKey, change));
    }
    endRun();
    for (const [sessionKey, row] of left) if (row !== null) kept.push(formatRow(sessionKey, row));
    if (kept.length === 0) return [Buffer.from('{}')];
    const first = this.rows[0];
    const last = this.rows.at(-1);
    const head = first === undefined ? Buffer.from('{\n  ') : this.bytes.subarray(0, first.start);
    const tail = last === undefined ? Buffer.from('\n}') : this.bytes.subarray(last.end);
    return [head, ...kept.flatMap((piece, index) => (index === 0 ? [piece] : [SEPARATOR, piece])), tail];
  }
}

/** JSON, but no object: the message says what it is. */
class NotRows extends Error {}

/** @throws {NotRows | RangeError | TypeError | SyntaxError} no object, too deep, not UTF-8, not JSON. */
function parseRows(bytes: Buffer): RowPlace[] {
  // A replacement character written back would change a row, so broken UTF-8 is refused; a BOM is kept, and refused by the parser.
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new NotRows(Array.isArray(parsed) ? 'an array' : parsed === null ? 'null' : `a ${typeof parsed}`);
  return propertySpans(bytes).map(({ key, start, end }: PropertySpan) => ({
    sessionKey: key,
    row: Object.getOwnPropertyDescriptor(parsed, key)?.value as Row,
    start,
    end,
  }));
}

/** Undefined unless it is one or more properties. @param begin where its first byte stands in the whole. */
function readProperties(properties: Buffer, begin: number): RowPlace[] | undefined {
  let rows: RowPlace[];
  try {
    rows = parseRows(Buffer.concat([Buffer.from('{'), properties, Buffer.from('}')]));
  } catch {
    // Whatever it is, the parse of the whole finds it too and says so.
    return undefined;
  }
  if (rows.length === 0) return undefined;
  return rows.map((row) => ({ ...row, start: row.start + begin - 1, end: row.end + begin - 1 }));
}

function areDistinct(rows: readonly RowPlace[]): boolean {
  return new Set(rows.map(({ sessionKey }) => sessionKey)).size === rows.length;
}

/** As `JSON.stringify(store, null, 2)` prints a row, which is how OpenClaw writes the file. */
function formatRow(sessionKey: string, row: Row): Buffer {
  return Buffer.from(
    `${JSON.stringify(sessionKey)}: ${JSON.stringify(row, null, 2).replaceAll('\n', '\n  ')}`,
  );
}
