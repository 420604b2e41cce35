import { describe, expect, test } from 'vitest';
import { archivedRow, isStill } from '../../src/plugin/archived-row.ts';
import type { Row } from '../../src/sessions/session-store.ts';

const MARK = { v: 1, archiveId: '20261121t041500z-3f9a2c1d-0001.0', sessionId: 'fresh' };
const TOMBSTONE: Row = { sessionId: 'fresh', updatedAt: 0, lastTo: 'channel:C1', clawback: MARK };

describe('what a row says when its conversation gets a message', () => {
  test('a tombstone names its generation', () => {
    expect(archivedRow(TOMBSTONE)).toEqual({
      kind: 'tombstone',
      sessionId: 'fresh',
      archiveId: MARK.archiveId,
    });
  });

  test.each([
    ['no row', undefined, undefined],
    ['a row that the message has just made', { sessionId: 'new', updatedAt: 5, sessionStartedAt: 5 }, 'new'],
  ])('%s has no history, so the catalogue is asked', (_what, row, sessionId) => {
    expect(archivedRow(row)).toEqual({ kind: 'no-history', sessionId });
  });

  test.each([
    ['has a transcript', { sessionFile: 's.jsonl' }],
    ['has run', { status: 'done' }],
    ['had other sessions before', { usageFamilySessionIds: ['older'] }],
    ['was a tombstone and has been used since', { clawback: MARK, updatedAt: 7 }],
  ])('a row that %s is in use', (_what, fields) => {
    expect(archivedRow({ sessionId: 's', updatedAt: 5, ...fields })).toBeUndefined();
  });

  test('a row without a session id is nothing to go by', () => {
    expect(archivedRow({ updatedAt: 5 })).toBeUndefined();
  });

  test('it still is the same after a message has touched its routing, and is not once it has another session', () => {
    const before = archivedRow(TOMBSTONE);
    if (before === undefined) throw new Error('a tombstone');
    expect(isStill(before, { ...TOMBSTONE, lastTo: 'channel:C2' })).toBe(true);
    expect(isStill(before, { ...TOMBSTONE, sessionId: 'other' })).toBe(false);
    expect(isStill(before, undefined)).toBe(false);
  });
});
