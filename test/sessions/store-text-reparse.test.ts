import { describe, expect, it } from 'vitest';
import { StoreText } from '../../src/sessions/store-text.ts';
import { pick as pickFrom, seededRandom } from '../support/random.ts';

const parse = (text: string | Buffer) => StoreText.parse(Buffer.from(text), 'p');

/** Both roads to the same bytes: read around the difference, and from nothing. */
function bothWays(before: string | Buffer, after: string | Buffer) {
  const outcome = (read: () => StoreText) => {
    try {
      const { rows, bytes } = read();
      return { rows, text: bytes.toString('latin1') };
    } catch (error) {
      return String(error);
    }
  };
  return {
    around: outcome(() => parse(before).reparse(Buffer.from(after), 'p')),
    whole: outcome(() => parse(after)),
  };
}

const WORDS = ['a', 'é', '😀', '\\', '"', '},{', '\n', '\u2028', ':', ', ', '12', ''];
const SPACES = ['', ' ', '\n  ', '\t', '\r\n'];

type Pick = <T>(from: readonly T[]) => T;

function randomValue(pick: Pick, depth: number): unknown {
  const kind = pick(['text', 'number', 'null', 'list', 'object', 'object']);
  if (kind === 'text') return pick(WORDS) + pick(WORDS);
  if (kind === 'number') return pick([0, -1.5, 12, 1e21]);
  if (kind === 'null' || depth > 2) return null;
  const values = Array.from({ length: pick([0, 1, 3]) }, () => randomValue(pick, depth + 1));
  return kind === 'list' ? values : Object.fromEntries(values.map((value, n) => [pick(WORDS) + n, value]));
}

/** Like JSON.stringify, but with odd spaces and escapes that nobody needs. */
function print(rows: readonly (readonly [string, unknown])[], pick: Pick, isPretty: boolean): string {
  const space = () => (isPretty ? '' : pick(SPACES));
  const properties = rows.map(([key, value]) => {
    const name = JSON.stringify(key).replace('a', pick(['a', '\\u0061']));
    return `${isPretty ? '\n  ' : space()}${name}${space()}: ${JSON.stringify(value, null, pick([0, 2]))}${space()}`;
  });
  return `${space()}{${properties.join(',')}${isPretty && rows.length > 0 ? '\n' : space()}}${space()}`;
}

describe('reading around what differs', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'finds what a parse of the whole finds, whatever is edited (seed %i)',
    (seed) => {
      const random = seededRandom(seed);
      const pick: Pick = (from) => pickFrom(random, from);
      for (let round = 0; round < 50; round += 1) {
        const isPretty = pick([true, false]);
        let rows = Array.from({ length: pick([0, 1, 2, 5, 9]) }, (_, n): readonly [string, unknown] => [
          `agent:main:${pick(WORDS)}${n}`,
          randomValue(pick, 0),
        ]);
        const before = print(rows, pick, isPretty);
        for (let edit = 0; edit < pick([1, 2, 4]); edit += 1) {
          const at = Math.floor(random() * (rows.length + 1));
          const fresh = [pick(['new', 'agent:main:a0', `k${round}`]), randomValue(pick, 0)] as const;
          const kind = pick(['change', 'add', 'remove', 'move']);
          if (kind === 'add') rows = rows.toSpliced(at, 0, fresh);
          else if (kind === 'remove') rows = rows.toSpliced(at, pick([1, 2]));
          else if (kind === 'move') rows = [...rows.slice(at), ...rows.slice(0, at)];
          else rows = rows.map((row, n) => (n === at ? [row[0], randomValue(pick, 0)] : row));
        }
        const { around, whole } = bothWays(before, print(rows, pick, isPretty));
        expect(around, before).toEqual(whole);
      }
    },
  );

  it.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'refuses what a parse of the whole refuses: bytes put in, changed or taken out anywhere (seed %i)',
    (seed) => {
      const random = seededRandom(1000 + seed);
      const text = '{\n  "a": {"x": [1, {}]},\n  "é\\"": "😀 {",\n  "c": 12,\n  "d": {}\n}';
      const bytes = Buffer.from(text);
      const noise = Buffer.from('{}[]",:\\ 1\n\xff\xc3e', 'latin1');
      for (let round = 0; round < 200; round += 1) {
        const at = Math.floor(random() * bytes.length);
        const removed = Math.floor(random() * 3);
        const from = Math.floor(random() * noise.length);
        const added = noise.subarray(from, from + Math.floor(random() * 3));
        const after = Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
        const { around, whole } = bothWays(text, after);
        expect(around, after.toString('latin1')).toEqual(whole);
      }
    },
  );

  it.each([
    ['a number that goes on', '{"a":1,"b":2}', '{"a":1,"b":23}'],
    ['an object that ends and another that begins', '{"a":1,"b":2}', '{"a":1}{"b":2}'],
    ['the last row gone', '{"a":{},"b":{}}', '{"a":{}}'],
    ['the first row gone', '{"a":{},"b":{}}', '{"b":{}}'],
    ['every row gone', '{"a":{}}', '{}'],
    ['the first row of an empty store', '{}', '{"a":{}}'],
    ['a key that is there twice now', '{"a":{},"b":{},"c":{}}', '{"a":{},"a":{},"c":{}}'],
    ['a row that swallows the next', '{"a":{},"b":{},"c":{}}', '{"a":{},"b":{"x":{},"c":{}}}'],
    ['one row twenty times, with the same text', '{"a":1,"a1":1}', '{"a":1,"a1":1,"a2":1,"a11":1}'],
    ['another space behind the end', '{"a":{}}', '{"a":{}} '],
  ])('also %s', (_what, before, after) => {
    const { around, whole } = bothWays(before, after);
    expect(around).toEqual(whole);
  });

  it('keeps the very rows that are as they were', () => {
    const before = parse('{"a":{"x":1},"b":{"x":2},"c":{"x":3}}');
    const after = before.reparse(Buffer.from('{"a":{"x":1},"b":{"x":22},"c":{"x":3}}'), 'p');
    expect(after.rows[0]?.row).toBe(before.rows[0]?.row);
    expect(after.rows[1]?.row).toEqual({ x: 22 });
    expect(after.rows[2]?.row).toBe(before.rows[2]?.row);
  });
});
