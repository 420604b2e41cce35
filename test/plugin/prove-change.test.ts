import { describe, expect, test } from 'vitest';
import { type ArchivedGeneration, proveChange, refusedInRestore } from '../../src/plugin/prove-change.ts';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import type { Row, RowChange } from '../../src/sessions/session-store.ts';

const KEY = 'agent:main:slack:channel:c1';
const ROW: Row = { sessionId: 'old', updatedAt: 5, label: 'ops', sessionFile: '/there/old.jsonl' };
const TOMBSTONE: Row = { sessionId: 'new', updatedAt: 0, label: 'ops' };

const generation = (tombstone: Row | null = TOMBSTONE, storeId = 'main') => ({
  storeId,
  session: { sessionKey: KEY, row: { ...ROW }, rowSha256: rowSha256(ROW), tombstone },
});
const change = (changes: Partial<RowChange> = {}): RowChange => ({
  sessionKey: KEY,
  archiveId: 'any.0',
  expectSha256: rowSha256(ROW),
  replaceWith: TOMBSTONE,
  ...changes,
});

describe('the archive allows', () => {
  test('the archived row to become the archived tombstone, in whatever order of fields', () => {
    const replaceWith = Object.fromEntries(Object.entries(TOMBSTONE).reverse());
    expect(proveChange(change({ replaceWith }), 'main', generation())).toEqual({ kind: 'archive' });
  });

  test('the archived row to go where it has no tombstone', () => {
    expect(proveChange(change({ replaceWith: null }), 'main', generation(null))).toEqual({ kind: 'archive' });
  });

  test('the archived tombstone to go', () => {
    const forget = change({ expectSha256: rowSha256(TOMBSTONE), replaceWith: null });
    expect(proveChange(forget, 'main', generation())).toEqual({ kind: 'forget' });
  });

  test.each([
    ['its tombstone', rowSha256(TOMBSTONE)],
    ['nothing', null],
    ['a newer session', 'f'.repeat(64)],
  ])('the archived row to come back over %s', (_what, expectSha256) => {
    const back = change({ expectSha256, replaceWith: ROW });
    expect(proveChange(back, 'main', generation())).toEqual({ kind: 'restore', archived: ROW });
  });

  test('the archived row to come back into another store: agents are renamed', () => {
    const back = change({ expectSha256: null, replaceWith: ROW });
    expect(proveChange(back, 'main', generation(TOMBSTONE, 'former'))).toMatchObject({ kind: 'restore' });
  });
});

describe('the archive does not allow', () => {
  test.each<[string, RowChange, ArchivedGeneration]>([
    ['another key', change({ sessionKey: 'agent:main:other' }), generation()],
    [
      'loose files to change a row',
      change(),
      { ...generation(), session: { ...generation().session, row: null } },
    ],
    ['a row of another store to be trimmed', change(), generation(TOMBSTONE, 'other')],
    [
      'a tombstone of another store to go',
      change({ expectSha256: rowSha256(TOMBSTONE), replaceWith: null }),
      generation(TOMBSTONE, 'other'),
    ],
    [
      'a tombstone that is a little different',
      change({ replaceWith: { ...TOMBSTONE, label: 'x' } }),
      generation(),
    ],
    ['a row to go that has a tombstone', change({ replaceWith: null }), generation()],
    [
      'a row to go that it has never seen',
      change({ expectSha256: 'f'.repeat(64), replaceWith: null }),
      generation(null),
    ],
    [
      'a row without a session id in place of one that has one',
      change({ expectSha256: null, replaceWith: { label: 'ops' } }),
      generation(),
    ],
    [
      'a session id that is a path',
      change({ expectSha256: null, replaceWith: { sessionId: '../x' } }),
      generation(),
    ],
    [
      'a session id that is no text',
      change({ expectSha256: null, replaceWith: { sessionId: 7 } }),
      generation(),
    ],
  ])('%s', (_what, forged, archived) => {
    expect(proveChange(forged, 'main', archived)).toMatchObject({ kind: 'refused' });
  });
});

describe('a restored row', () => {
  const current: Row = {
    sessionId: 'newer',
    updatedAt: 9,
    lastTo: 'channel:C2',
    usageFamilySessionIds: ['x'],
  };

  test.each<[string, Row]>([
    ['is the archived one', ROW],
    ['may leave fields out', { sessionId: 'old' }],
    ['takes routing from the row that is there', { ...ROW, lastTo: 'channel:C2' }],
    ['has the dates of a resume', { ...ROW, updatedAt: 99, sessionStartedAt: 99, lastInteractionAt: 99 }],
    ['names its transcript by its bare name', { ...ROW, sessionFile: 'old.jsonl' }],
    ['keeps the newer session in its family', { ...ROW, usageFamilySessionIds: ['x', 'newer'] }],
  ])('%s', (_what, row) => {
    expect(refusedInRestore(row, ROW, current)).toBeUndefined();
  });

  test.each<[string, Row]>([
    ['a field of neither row', { ...ROW, execHost: 'evil' }],
    ['a value of neither row', { ...ROW, label: 'evil' }],
    ['a field of nobody called __proto__', JSON.parse('{"sessionId":"old","__proto__":{"x":1}}') as Row],
    ['a date that is none', { ...ROW, updatedAt: 'soon' }],
    ['a transcript elsewhere', { ...ROW, sessionFile: '/etc/passwd' }],
    ['a family member of nobody', { ...ROW, usageFamilySessionIds: ['x', 'stranger'] }],
  ])('may not have %s', (_what, row) => {
    expect(refusedInRestore(row, ROW, current)).toMatch(/neither the archived nor the current row/);
  });

  test('may not take a field of a row that is gone by now', () => {
    expect(refusedInRestore({ ...ROW, lastTo: 'channel:C2' }, ROW, undefined)).toContain('lastTo');
  });
});
