import { describe, expect, it } from 'vitest';
import { type MergeInput, mergeRow } from '../../src/restore/merge-row.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { tombstoneOf } from '../../src/tombstone/tombstone.ts';
import { NOW_MS, SESSIONS_DIR } from '../support/snapshot.ts';

const ARCHIVED: Row = {
  sessionId: 'old',
  updatedAt: 1000,
  sessionStartedAt: 500,
  sessionFile: `${SESSIONS_DIR}/old.jsonl`,
  lastTo: 'channel:C1',
  label: 'general',
  thinkingLevel: 'high',
  usageFamilySessionIds: ['older'],
  systemPromptReport: { tools: [] },
};
const TOMBSTONE = tombstoneOf({ row: ARCHIVED, archiveId: 'x.0', sessionId: 'new' });
const REVIVED: Row = {
  ...TOMBSTONE,
  sessionId: 'fresh',
  updatedAt: 2000,
  usageFamilySessionIds: ['older', 'old', 'new'],
};

function merge(changes: Partial<MergeInput>) {
  return mergeRow({
    archived: ARCHIVED,
    current: undefined,
    folders: new Set([SESSIONS_DIR]),
    hasPrompt: () => true,
    ...changes,
  });
}

function rowOf(changes: Partial<MergeInput>): Row {
  const result = merge(changes);
  if (result.kind !== 'put') throw new Error(`kept: ${result.why}`);
  return result.row;
}

describe('the row that comes back', () => {
  it('is the archived one to the field where there is none', () => {
    expect(rowOf({})).toEqual(ARCHIVED);
  });

  it('is the archived one in the place of its tombstone, without our mark', () => {
    expect(rowOf({ current: TOMBSTONE })).toEqual(ARCHIVED);
  });

  it('has the routing that the tombstone has by now', () => {
    const route = { channel: 'slack', target: { to: 'channel:C2' } };
    const current = { ...TOMBSTONE, lastTo: 'channel:C2', route, deliveryContext: { to: 'channel:C2' } };
    expect(rowOf({ current })).toEqual({
      ...ARCHIVED,
      lastTo: 'channel:C2',
      route,
      deliveryContext: { to: 'channel:C2' },
    });
  });

  it('names its file bare where the folder has moved, and as it was where it has not', () => {
    expect(rowOf({ folders: new Set(['/new/home']) }).sessionFile).toBe('old.jsonl');
    expect(rowOf({ archived: { ...ARCHIVED, sessionFile: 'old.jsonl' } }).sessionFile).toBe('old.jsonl');
  });

  it('keeps its skills only while their prompt is still there', () => {
    const archived = { ...ARCHIVED, skillsSnapshot: { promptRef: { hash: 'h' }, skills: ['a'] } };
    expect(rowOf({ archived, hasPrompt: (hash) => hash === 'h' })).toHaveProperty('skillsSnapshot');
    expect(rowOf({ archived, hasPrompt: () => false })).not.toHaveProperty('skillsSnapshot');
    const inline = { ...ARCHIVED, skillsSnapshot: { prompt: 'text' } };
    expect(rowOf({ archived: inline, hasPrompt: () => false })).toHaveProperty('skillsSnapshot');
  });
});

describe('a conversation that went on', () => {
  it('under a new session keeps its row', () => {
    expect(merge({ current: REVIVED })).toEqual({ kind: 'keep', why: 'revived' });
  });

  it('or was never gone keeps its row', () => {
    expect(merge({ current: ARCHIVED })).toEqual({ kind: 'keep', why: 'identical' });
  });

  it('is switched back by --resume, and has the interim session in its family, each once', () => {
    const row = rowOf({ current: REVIVED, resumeAtMs: NOW_MS });
    expect(row).toMatchObject({ sessionId: 'old', systemPromptReport: { tools: [] } });
    expect(row.usageFamilySessionIds).toEqual(['older', 'new', 'fresh']);
    expect(row).not.toHaveProperty('clawback');
  });
});

describe('--resume', () => {
  it.each([
    ['nothing', undefined],
    ['a tombstone', TOMBSTONE],
    ['a revived row', REVIVED],
  ])('dates the row now in the place of %s, so that no reset policy starts afresh', (_what, current) => {
    expect(rowOf({ current, resumeAtMs: NOW_MS })).toMatchObject({
      updatedAt: NOW_MS,
      sessionStartedAt: NOW_MS,
      lastInteractionAt: NOW_MS,
    });
  });

  it('is not what a plain restore does: the old dates stay', () => {
    expect(rowOf({ current: TOMBSTONE })).toMatchObject({ updatedAt: 1000, sessionStartedAt: 500 });
  });
});

it('merging changes neither of the two rows', () => {
  const before = structuredClone([ARCHIVED, REVIVED]);
  merge({ current: REVIVED, resumeAtMs: NOW_MS });
  expect([ARCHIVED, REVIVED]).toEqual(before);
});
