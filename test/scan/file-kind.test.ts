import { describe, expect, it } from 'vitest';
import { classifyFileName, isArchivable, sessionIdOfBase } from '../../src/scan/file-kind.ts';

const ID = '5f0e6f0e-0a1b-4c2d-8e3f-00000000000a';
const STAMP = '2026-11-20T10-48-52.419Z';

describe('a name in a sessions folder', () => {
  it.each([
    [`${ID}.jsonl`, 'transcript', ID],
    [`${ID}-topic-1700000000.000100.jsonl`, 'transcript', `${ID}-topic-1700000000.000100`],
    [`2026-11-20T10-48-52-419Z_${ID}.jsonl`, 'transcript', `2026-11-20T10-48-52-419Z_${ID}`],
    [`model-run-${ID}.jsonl`, 'transcript', `model-run-${ID}`],
    ['a.jsonl.jsonl', 'transcript', 'a.jsonl'],
    [`${ID}.trajectory.jsonl`, 'trajectory', ID],
    [`${ID}.trajectory-path.json`, 'pointer', ID],
    [`${ID}.checkpoint.${ID}.jsonl`, 'checkpoint', ID],
    [`${ID}.CHECKPOINT.${ID.toUpperCase()}.JSONL`, 'checkpoint', ID],
    [`${ID}.checkpoint.notes.jsonl`, 'transcript', `${ID}.checkpoint.notes`],
    [`${ID}.jsonl.reset.${STAMP}`, 'reset', ID],
    [`${ID}.jsonl.reset.2026-11-20T10-48-52Z`, 'reset', ID],
    [`${ID}.jsonl.deleted.${STAMP}`, 'deleted', ID],
    [`${ID}.jsonl.bak.${STAMP}`, 'backup', ID],
    [`${ID}.jsonl.bak-4711-1763000000000`, 'backup', ID],
    [`${ID}.jsonl.pre-doctor-branch-repair-1.bak`, 'backup', ID],
    [`${ID}.jsonl.codex-app-server.json`, 'codex', ID],
    [`${ID}.jsonl.lock`, 'lock', ID],
    ['sessions.json', 'store', ''],
    ['sessions.json.bak.3', 'store-backup', ''],
    [`sessions.json.77.${ID}.tmp`, 'store-temporary', ''],
    [`sessions.json.${ID}.tmp`, 'store-temporary', ''],
  ])('%s is of kind %s', (name, kind, base) => {
    expect(classifyFileName(name, 'sessions.json')).toEqual({ kind, base });
  });

  it.each([
    '',
    '.jsonl',
    'notes.txt',
    'a.JSONL',
    'a.jsonl.zst',
    'a.jsonl.reset.yesterday',
    `a.jsonl.reset.${STAMP}.gz`,
    `a.reset.${STAMP}`,
    'a.jsonl.bak',
    'a.jsonl.deleted.',
    'sessions.json.bak',
    'sessions.json.tmp',
    'sessions.json.x.jsonl',
    '.clawback.lock',
    '.usage-cost-cache.json',
    `a.jsonl.clawback-aside-${STAMP}`,
    'archive-index.json',
    'a\n.jsonl',
  ])('%j is unknown, and left alone', (name) => {
    expect(classifyFileName(name, 'sessions.json')).toEqual({ kind: 'unknown', base: '' });
  });

  it('is the store if session.store says so, whatever it is called', () => {
    expect(classifyFileName('my.jsonl', 'my.jsonl').kind).toBe('store');
    expect(classifyFileName(`my.jsonl.1.${ID}.tmp`, 'my.jsonl').kind).toBe('store-temporary');
    expect(classifyFileName('my.jsonl.lock', 'my.jsonl').kind).toBe('unknown');
  });

  it('is never archived if it is the store, a temporary, a lock or unknown', () => {
    for (const kind of ['store', 'store-backup', 'store-temporary', 'lock', 'unknown'] as const)
      expect(isArchivable(kind)).toBe(false);
    for (const kind of [
      'transcript',
      'trajectory',
      'pointer',
      'checkpoint',
      'reset',
      'deleted',
      'backup',
      'codex',
    ] as const)
      expect(isArchivable(kind)).toBe(true);
  });
});

it.each([
  [ID, ID],
  [`${ID}-topic-1700000000.000100`, ID],
  [`2026-11-20T10-48-52-419Z_${ID}`, ID],
  [`2026-11-20T10-48-52-419Z_${ID}-topic-5`, ID],
  [`model-run-${ID}`, `model-run-${ID}`],
  ['my-topic-notes', 'my'],
  ['plain', 'plain'],
])('the session of %s is %s', (base, id) => {
  expect(sessionIdOfBase(base)).toBe(id);
});
