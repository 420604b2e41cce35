import { expect, test } from 'vitest';
import type { CatalogueRow } from '../../src/manifest/catalogue.ts';
import { newestGenerations } from '../../src/plugin/archived-keys.ts';

function rowOf(archiveId: string, more: Partial<CatalogueRow> = {}): CatalogueRow {
  return {
    archive_id: archiveId,
    batch_id: archiveId,
    revision: 0,
    instance: 'oc-1',
    agent_id: 'main',
    store_id: 'main',
    session_key: 'agent:main:slack:channel:c1',
    session_id: archiveId,
    kind: 'channel',
    protected: true,
    action: 'trim',
    last_activity_at: null,
    archived_at: '2026-11-21T04:00:00.000Z',
    files: 3,
    raw_bytes: 1,
    stored_bytes: 1,
    ...more,
  };
}

test('a key leads to the newest generation of its conversation', () => {
  const generations = newestGenerations([
    rowOf('first'),
    rowOf('second'),
    rowOf('x', { session_key: 'other' }),
  ]);
  expect([...generations]).toEqual([
    ['agent:main:slack:channel:c1', 'second'],
    ['other', 'x'],
  ]);
});

test('neither loose files nor what is left of the same session hide it', () => {
  const whole = rowOf('whole', { session_id: 's' });
  const remnant = rowOf('remnant', { session_id: 's', files: 0 });
  const loose = rowOf('loose', { action: 'files' });
  expect(newestGenerations([whole, remnant, loose]).get('agent:main:slack:channel:c1')).toBe('whole');
});

test('a key is matched as it is: one that names a property of every object is a key like any other', () => {
  expect(newestGenerations([rowOf('a')]).get('constructor')).toBeUndefined();
  expect(newestGenerations([rowOf('b', { session_key: '__proto__' })]).get('__proto__')).toBe('b');
});
