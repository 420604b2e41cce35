export interface PropertySpan {
  readonly key: string;
  /** Of the key's opening quote. */
  readonly start: number;
  /** Behind the last character of the value. */
  readonly end: number;
}

/** Deeper rows are refused: what hashes and writes a row recurses, and would end in a stack overflow. */
const MAX_DEPTH = 1000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;

/**
 * Where the properties of the outermost object stand, in bytes, in order, repeated keys included. A hundred
 * megabytes are read for every commit, so this only counts brackets.
 *
 * @param bytes JSON that `JSON.parse` has accepted as an object.
 * @throws {RangeError} if it is nested too deeply.
 */
export function propertySpans(bytes: Buffer): PropertySpan[] {
  // One character a byte: what JSON is built of is ASCII, and no byte of another character looks like it.
  const text = bytes.toString('latin1');
  const spans: PropertySpan[] = [];
  let depth = 0;
  let key: { start: number; end: number } | undefined;
  let lastEnd = 0;
  const endProperty = () => {
    if (key === undefined) return;
    const name = JSON.parse(bytes.toString('utf8', key.start, key.end)) as string;
    spans.push({ key: name, start: key.start, end: lastEnd });
    key = undefined;
  };
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code <= SPACE || code === COLON) continue;
    if (code === COMMA) {
      if (depth === 1) endProperty();
      continue;
    }
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (depth === 1) key ??= { start: at, end };
      at = end - 1;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1;
      if (depth > MAX_DEPTH) throw new RangeError(`nested more than ${MAX_DEPTH} deep`);
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth -= 1;
      if (depth === 0) endProperty();
    }
    lastEnd = at + 1;
  }
  return spans;
}

/** Behind the closing quote of the string that opens at `open`. */
function endOfString(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close + 1;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes += 1;
  return slashes % 2 === 1;
}
