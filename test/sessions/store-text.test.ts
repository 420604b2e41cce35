import { describe, expect, it } from 'vitest';
import { ClawbackError } from '../../src/errors.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { StoreText } from '../../src/sessions/store-text.ts';

const parse = (text: string) => StoreText.parse(Buffer.from(text), '/state/sessions.json');

const textWith = (store: StoreText, changes: ReadonlyMap<string, Row | null>) =>
  Buffer.concat(store.with(changes)).toString('utf8');

const rowTexts = ({ bytes, rows }: StoreText) =>
  rows.map(({ start, end }) => bytes.subarray(start, end).toString('utf8'));

const SECRET = 'hunter2';

function refusal(text: string): ClawbackError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ClawbackError) return error;
    throw error;
  }
  throw new Error(`accepted: ${text.slice(0, 80)}`);
}

describe('a sessions.json', () => {
  it.each([
    ['0 bytes', ''],
    ['spaces only', ' \n'],
    ['NUL bytes of a torn write', '\0'.repeat(100)],
    ['a BOM', `\ufeff{"a":{"t":"${SECRET}"}}`],
    ['two objects in a row', `{"a":{"t":"${SECRET}"}}{"b":{}}`],
    ['a torn tail', `{"a":{"t":"${SECRET}`],
    ['a comment', `{"a":{"t":"${SECRET}"} /* ${SECRET} */}`],
    ['a trailing comma', `{"a":{"t":"${SECRET}"},}`],
    ['a single quote', `{'${SECRET}':1}`],
    ['an unquoted word', `{"a": ${SECRET}}`],
    ['HTML', `<html>${SECRET}</html>`],
    ['an array', `["${SECRET}"]`],
    ['null', 'null'],
    ['a string', `"${SECRET}"`],
    ['a number', '17'],
    ['the same key twice', `{"a":{"t":"${SECRET}"},"b":{},"a":{}}`],
    ['the same key twice, once escaped', `{"a":{"t":"${SECRET}"},"\\u0061":{}}`],
    ['__proto__ twice', '{"__proto__":{},"__proto__":{}}'],
  ])('with %s is refused, and its content is not quoted', (_what, text) => {
    const { code, message, hint, cause } = refusal(text);
    expect(code).toBe('store-unreadable');
    expect(message).toMatch(/^read \/state\/sessions\.json: /);
    expect(`${message} ${hint} ${cause}`).not.toContain(SECRET);
  });

  it('says where the fault is', () => {
    expect(refusal('{"a": {},\n "b" 5}').message).toMatch(/position 15|line 2/);
  });

  it('of `{}` is a store without rows', () => {
    expect(parse(' {\n} \n').rows).toEqual([]);
  });

  it('keeps `__proto__` and `constructor` as rows like any other', () => {
    const store = parse('{"__proto__": {"x": 1}, "constructor": {"y": 2}}');
    expect(store.rows.map(({ sessionKey, row }) => [sessionKey, Object.keys(row)])).toEqual([
      ['__proto__', ['x']],
      ['constructor', ['y']],
    ]);
    expect(textWith(store, new Map([['constructor', null]]))).toBe('{"__proto__": {"x": 1}}');
  });

  it('reads escaped keys as OpenClaw reads them', () => {
    const { rows } = parse('{"a\\u003ab\\"\\\\": {}, "\\ud83d\\ude00": {}}');
    expect(rows.map(({ sessionKey }) => sessionKey)).toEqual(['a:b"\\', '😀']);
  });
});

const ODD = [
  '"agent:main:a" :\t{"big":12345678901234567890, "neg":-0,"inf": 1e400,"dec":1.10, "exp":1E2}',
  '"agent:main:\\u0062": {"z":"\\u00e9\\/\\ud800", "a" : [ ] , "z2":{ },"unknown":[[{"}":"]{"}]]}',
  '"agent:main:c":{"text":"a \\"},{ \\\\ quote"}',
  '"agent:main:d": null',
  '"agent:main:e":"not a row"',
  '"agent:main:f": [1, {"agent:main:a": {}}]',
];
const ODD_TEXT = `\r\n{\n\t${ODD.join(' ,\r\n   ')}\n  }\n\n`;

describe('replacing a row', () => {
  it.each([0, 1, 2, 3, 4, 5])('number %i of odd ones leaves every other byte of meaning', (index) => {
    const store = parse(ODD_TEXT);
    const sessionKey = store.rows[index]?.sessionKey ?? '';
    const text = textWith(store, new Map([[sessionKey, { updatedAt: 0 }]]));
    for (const [other, bytes] of ODD.entries()) {
      if (other === index) expect(text).not.toContain(bytes);
      else expect(text).toContain(bytes);
    }
    expect(text.startsWith('\r\n{\n\t')).toBe(true);
    expect(text.endsWith('\n  }\n\n')).toBe(true);
    const after = parse(text).rows;
    expect(after.map((row) => row.sessionKey)).toEqual(store.rows.map((row) => row.sessionKey));
    expect(after[index]?.row).toEqual({ updatedAt: 0 });
  });

  it('by nothing removes it and its comma', () => {
    const store = parse(ODD_TEXT);
    const gone = new Map(
      [store.rows[0], store.rows[3], store.rows[5]].map((row) => [row?.sessionKey ?? '', null]),
    );
    const kept = rowTexts(parse(textWith(store, gone)));
    expect(kept).toEqual([ODD[1], ODD[2], ODD[4]]);
  });

  it('of all leaves an empty store', () => {
    const store = parse('{"a":{},"b":{}}');
    expect(
      JSON.parse(
        textWith(
          store,
          new Map([
            ['a', null],
            ['b', null],
          ]),
        ),
      ),
    ).toEqual({});
  });

  it('with no change returns a store of the same bytes in every row', () => {
    expect(rowTexts(parse(textWith(parse(ODD_TEXT), new Map())))).toEqual(ODD);
  });

  it('passes over the removal of a row that is not there', () => {
    expect(textWith(parse('{"a":1}'), new Map([['b', null]]))).toBe('{"a":1}');
  });
});

describe('in a file as OpenClaw writes it', () => {
  const store = { 'agent:main:a': { x: [1, { y: {} }], s: 'a\nb' }, b: { list: [] }, c: { d: null } };
  const pretty = (value: unknown) => JSON.stringify(value, null, 2);
  const parsed = parse(pretty(store));

  it.each([
    ['replaced', { ...store, b: { n: { m: [1, 2] } } }, new Map([['b', { n: { m: [1, 2] } }]])],
    ['appended', { ...store, new: { k: 'v\t"' } }, new Map([['new', { k: 'v\t"' }]])],
    ['removed', { 'agent:main:a': store['agent:main:a'], c: store.c }, new Map([['b', null]])],
    ['the first one', { 'agent:main:a': {}, b: store.b, c: store.c }, new Map([['agent:main:a', {}]])],
    ['the last one', { 'agent:main:a': store['agent:main:a'], b: store.b }, new Map([['c', null]])],
  ])('the result is the file that OpenClaw would write: %s', (_what, expected, changes) => {
    expect(textWith(parsed, changes)).toBe(pretty(expected));
  });

  it('the first row of an empty store too', () => {
    expect(textWith(parse('{}'), new Map([['a', { b: 1 }]]))).toBe(pretty({ a: { b: 1 } }));
  });

  it('20,000 rows are cut and joined without a difference', () => {
    const many = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, n) => [`agent:main:k${n}`, { n, s: '{"' }]),
    );
    const { 'agent:main:k777': _gone, ...rest } = many;
    const text = textWith(parse(pretty(many)), new Map([['agent:main:k777', null]]));
    expect(text === pretty(rest)).toBe(true);
  });

  it('a row nested 500 deep is like any other', () => {
    const deep = `{"a":${'['.repeat(500)}${']'.repeat(500)},"b":{}}`;
    expect(textWith(parse(deep), new Map([['b', null]]))).toBe(deep.replace(',"b":{}', ''));
  });
});
