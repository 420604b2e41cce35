import { describe, expect, it } from 'vitest';
import { isSameButDerived } from '../../src/sessions/derived-fields.ts';
import type { Row } from '../../src/sessions/session-store.ts';

const PUT: Row = { sessionId: 's', updatedAt: 0, lastTo: 'channel:C1', sessionFile: 's.jsonl', label: 'ops' };

describe('a row is the one that was put there', () => {
  it.each<[string, Row]>([
    ['as it was', { ...PUT }],
    ['with a derived field more', { ...PUT, route: { channel: 'slack' } }],
    ['with a derived field fewer', { sessionId: 's', updatedAt: 0, sessionFile: 's.jsonl', label: 'ops' }],
    ['with its prompts moved elsewhere', { ...PUT, skillsSnapshot: { promptRef: { hash: 'h' } } }],
    ['with the path of its transcript spelt out', { ...PUT, sessionFile: '/state/sessions/s.jsonl' }],
  ])('%s', (_what, found) => expect(isSameButDerived(found, PUT)).toBe(true));
});

describe('a row is another one', () => {
  it.each<[string, Row]>([
    ['with routing of another value', { ...PUT, lastTo: 'channel:C2' }],
    ['with another transcript', { ...PUT, sessionFile: '/state/sessions/t.jsonl' }],
    ['once it was touched', { ...PUT, updatedAt: 7 }],
    ['with a field that nobody derives', { ...PUT, status: 'running' }],
    ['without one of its own fields', { ...PUT, label: undefined }],
  ])('%s', (_what, found) => expect(isSameButDerived(found, PUT)).toBe(false));
});
