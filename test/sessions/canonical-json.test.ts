import { describe, expect, it } from 'vitest';
import { canonicalJson, rowSha256 } from '../../src/sessions/canonical-json.ts';
import { familyOf, sessionIdOf, tombstoneMark } from '../../src/sessions/row.ts';

describe('the hash of a row', () => {
  it('does not depend on the order of keys, at any depth', () => {
    const a = { b: 1, a: { d: [{ y: 1, x: 2 }], c: null } };
    const b = { a: { c: null, d: [{ x: 2, y: 1 }] }, b: 1 };
    expect(rowSha256(a)).toBe(rowSha256(b));
    expect(canonicalJson(a)).toBe('{"a":{"c":null,"d":[{"x":2,"y":1}]},"b":1}');
  });

  it('is the SHA-256 of the text that docs and other tools can make', () => {
    expect(rowSha256({})).toBe('44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
  });

  it.each([
    [{ a: 1 }, { a: '1' }],
    [{ a: null }, {}],
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: {} }, { a: [] }],
    [{ a: '' }, { a: null }],
    [JSON.parse('{"__proto__":1}'), {}],
    [JSON.parse('{"__proto__":{"x":1}}'), JSON.parse('{"__proto__":{"x":2}}')],
    [{ a: 'é' }, { a: 'e\u0301' }],
  ])('tells %j from %j', (a, b) => {
    expect(rowSha256(a)).not.toBe(rowSha256(b));
  });

  it('survives lone surrogates and keys that look like numbers', () => {
    expect(canonicalJson({ b: '\ud800', 10: 1, 9: 2 })).toBe('{"9":2,"10":1,"b":"\\ud800"}');
  });
});

describe('the session id of a row', () => {
  it.each(['a', '5f0e6f0e-0a1b-4c2d-8e3f-00000000000a', 'model-run-x', 'A.b_c', 'x'.repeat(128)])(
    'is %s',
    (id) => {
      expect(sessionIdOf({ sessionId: id })).toBe(id);
    },
  );

  it.each([
    '',
    '.',
    '..',
    '.hidden',
    'a/b',
    '../a',
    'a\\b',
    'a b',
    'a\n',
    'ü',
    '-a',
    'x'.repeat(129),
    5,
    null,
    {},
    undefined,
  ])('is none for %j, which could not stand in a file name', (id) => {
    expect(sessionIdOf({ sessionId: id })).toBeNull();
  });
});

it('the family of a row is its list of strings and nothing else', () => {
  expect(familyOf({ usageFamilySessionIds: ['a', null, 5, 'b'] })).toEqual(['a', 'b']);
  for (const odd of [undefined, null, 'a', { 0: 'a' }])
    expect(familyOf({ usageFamilySessionIds: odd })).toEqual([]);
});

describe('the mark of a tombstone', () => {
  const mark = { v: 1, archiveId: 'x.0', sessionId: 's' };

  it('holds while the row is as we left it', () => {
    expect(tombstoneMark({ sessionId: 's', updatedAt: 0, clawback: mark })).toEqual(mark);
  });

  it.each([
    ['runs under another session', { sessionId: 't', updatedAt: 0, clawback: mark }],
    ['was touched', { sessionId: 's', updatedAt: 5, clawback: mark }],
    ['has no mark', { sessionId: 's', updatedAt: 0 }],
    ['has a mark of another kind', { sessionId: 's', updatedAt: 0, clawback: 'x.0' }],
    ['has half a mark', { sessionId: 's', updatedAt: 0, clawback: { archiveId: 'x.0' } }],
    ['has a null for a mark', { sessionId: 's', updatedAt: 0, clawback: null }],
  ])('is none for a row that %s', (_what, row) => {
    expect(tombstoneMark(row)).toBeUndefined();
  });
});
