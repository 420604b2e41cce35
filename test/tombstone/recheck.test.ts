import { describe, expect, it } from 'vitest';
import { isArchivable } from '../../src/scan/file-kind.ts';
import type { ScannedFile } from '../../src/scan/scan.ts';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import type { ArchivedFile } from '../../src/ship/task.ts';
import { recheck } from '../../src/tombstone/recheck.ts';
import { type Entry, entryOf, KEY, orphanEntry } from '../support/sessions.ts';
import {
  DAY_MS,
  fileOf,
  HOUR_MS,
  NOW_MS,
  type PlanParts,
  planOf,
  rowOf,
  SESSIONS_DIR,
} from '../support/snapshot.ts';

const OLD = rowOf(KEY, 30 * DAY_MS, { sessionId: 'old' });
const FILE = fileOf('old.jsonl', 30 * DAY_MS);
const ENTRY = entryOf({ row: OLD.row });
const MODEL_RUN_KEY = 'agent:main:explicit:model-run-5f0e6f0e-0a1b-4c2d-8e3f-00000000000a';
const MODEL_RUN = rowOf(MODEL_RUN_KEY, 2 * DAY_MS, { sessionId: 'old' });
const REMOVED = entryOf({ sessionKey: MODEL_RUN_KEY, action: 'remove', row: MODEL_RUN.row, tombstone: null });

const NOW: PlanParts = { rows: [OLD], files: [FILE], policy: { protectedPruneAfterMs: 7 * DAY_MS } };

function archived({ kind, name, identity }: ScannedFile): ArchivedFile {
  if (!isArchivable(kind)) throw new Error(`${name} is never archived`);
  return { kind, name, identity, sha256: 'a'.repeat(64) };
}

/** `ready`, `done`, or why the session is abandoned. */
function outcome(entry: Entry, now: PlanParts, files: readonly ScannedFile[] = [FILE]): string {
  const { ready, done, abandoned } = recheck([{ entry, files: files.map(archived) }], planOf(now));
  expect(ready.length + done.length + abandoned.length).toBe(1);
  return ready.length === 1 ? 'ready' : done.length === 1 ? 'done' : String(abandoned[0]?.why);
}

const identity = (changes: Partial<ScannedFile['identity']>) => ({
  identity: { ...FILE.identity, ...changes },
});
const tombstoned = { sessionKey: KEY, row: ENTRY.tombstone ?? {} };

describe('right before the commit, a trimmed row', () => {
  it.each<[string, string, PlanParts]>([
    ['ready', 'nothing has changed', NOW],
    [
      'row-changed',
      'a field of the row has changed',
      { ...NOW, rows: [{ sessionKey: KEY, row: { ...OLD.row, label: 'x' } }] },
    ],
    ['row-changed', 'a message has come', { ...NOW, rows: [rowOf(KEY, 0, { sessionId: 'fresh' })] }],
    ['row-gone', 'the row is gone', { ...NOW, rows: [] }],
    ['done', 'an earlier run has trimmed it', { ...NOW, rows: [tombstoned] }],
    [
      'row-changed',
      'the tombstone was revived since',
      { ...NOW, rows: [{ sessionKey: KEY, row: { ...tombstoned.row, updatedAt: NOW_MS } }] },
    ],
    ['files-changed', 'a file has grown', { ...NOW, files: [{ ...FILE, ...identity({ size: 1001n }) }] }],
    [
      'files-changed',
      'a file was written to',
      { ...NOW, files: [{ ...FILE, ...identity({ mtimeNs: 1n }) }] },
    ],
    ['files-changed', 'a file was replaced', { ...NOW, files: [{ ...FILE, ...identity({ ino: 999n }) }] }],
    [
      'files-changed',
      'a file came from another disk',
      { ...NOW, files: [{ ...FILE, ...identity({ dev: 9n }) }] },
    ],
    ['files-changed', 'a file became a link', { ...NOW, files: [{ ...FILE, isPlain: false }] }],
    ['files-changed', 'a file is gone', { ...NOW, files: [] }],
    ['now-active', 'a lock has appeared', { ...NOW, files: [FILE, fileOf('old.jsonl.lock', 0)] }],
    [
      'now-active',
      'a delivery was queued',
      { ...NOW, activity: { byKey: new Map([[KEY, { reason: 'delivery-queued', where: 'q' }]]) } },
    ],
    [
      'now-active',
      'evidence became unreadable',
      { ...NOW, activity: { unreadable: [{ where: 'q', why: 'x' }] } },
    ],
    ['now-active', 'it was restored by hand', { ...NOW, restoredAgeMs: { old: HOUR_MS } }],
    ['now-active', 'the operator has switched the rule off', { ...NOW, policy: {} }],
    [
      'now-active',
      'another row shares its session now',
      { ...NOW, rows: [OLD, rowOf('agent:main:x', DAY_MS, { sessionId: 'old' })] },
    ],
    [
      'now-active',
      'a new file was written for it',
      { ...NOW, files: [FILE, fileOf('old.trajectory.jsonl', 0)] },
    ],
  ])('is %s if %s', (expected, _what, now) => {
    expect(outcome(ENTRY, now)).toBe(expected);
  });

  it.each([
    ['done', 'as it was written', 'new.jsonl'],
    ['done', 'as a path, as gateways from 2026.6.11 on spell it out', `${SESSIONS_DIR}/new.jsonl`],
    ['row-changed', 'to another file', `${SESSIONS_DIR}/x.jsonl`],
  ])('is %s if an earlier run has trimmed it, and its stub is named %s', (expected, _what, sessionFile) => {
    const tombstone = { sessionId: 'new', updatedAt: 0, sessionFile: 'new.jsonl' };
    const now = { ...NOW, rows: [{ sessionKey: KEY, row: { ...tombstone, sessionFile } }] };
    expect(outcome(entryOf({ row: OLD.row, tombstone }), now)).toBe(expected);
  });

  it('that an earlier run has trimmed keeps files that were restored by hand since', () => {
    const now = { ...NOW, rows: [tombstoned], restoredAgeMs: { old: HOUR_MS } };
    expect(outcome(ENTRY, now)).toBe('now-active');
  });

  it.each([
    ['done', 'old.trajectory.jsonl'],
    ['done', 'family.jsonl'],
    ['files-changed', 'foreign.jsonl'],
    ['files-changed', 'foreign.jsonl.reset.2026-10-01T04-00-00.000Z'],
  ])(
    'that an earlier run has trimmed is %s with the file %s: a manifest names only the row’s own',
    (expected, name) => {
      const row = { ...OLD.row, usageFamilySessionIds: ['family'] };
      const file = fileOf(name, 30 * DAY_MS);
      expect(outcome(entryOf({ row }), { ...NOW, rows: [tombstoned], files: [file] }, [file])).toBe(expected);
    },
  );

  it('whose file the archive lacks is left alone', () => {
    expect(outcome(ENTRY, NOW, [])).toBe('files-changed');
  });

  it('that has no files is judged by its row alone', () => {
    expect(outcome(ENTRY, { ...NOW, files: [] }, [])).toBe('ready');
  });

  it('is not taken for a row of the same key that should be removed', () => {
    expect(outcome({ ...ENTRY, action: 'remove', tombstone: null }, NOW)).toBe('now-active');
  });
});

describe('right before the commit, a removed row', () => {
  const now: PlanParts = { rows: [MODEL_RUN], files: [FILE] };
  it.each<[string, string, PlanParts]>([
    ['ready', 'nothing has changed', now],
    ['done', 'it is gone already', { ...now, rows: [] }],
    ['row-changed', 'it was used again', { ...now, rows: [rowOf(MODEL_RUN_KEY, 0, { sessionId: 'old' })] }],
    [
      'now-active',
      'it is gone but another row uses its file',
      { ...now, rows: [rowOf('agent:main:x', 0, { sessionFile: 'old.jsonl' })] },
    ],
    [
      'files-changed',
      'it is gone but its file was written to',
      { rows: [], files: [{ ...FILE, ...identity({ size: 0n }) }] },
    ],
  ])('is %s if %s', (expected, _what, parts) => {
    expect(outcome(REMOVED, parts)).toBe(expected);
  });
});

describe('right before the commit, a file that no row references', () => {
  it.each<[string, string, PlanParts]>([
    ['ready', 'nothing has changed', { files: [FILE] }],
    ['now-active', 'a row references it now', { files: [FILE], rows: [rowOf(KEY, 0, { sessionId: 'old' })] }],
    ['now-active', 'a lock has appeared', { files: [FILE, fileOf('old.jsonl.lock', 0)] }],
    ['files-changed', 'it was written to', { files: [{ ...FILE, ...identity({ mtimeNs: 1n }) }] }],
    ['files-changed', 'it is gone', {}],
  ])('is %s if %s', (expected, _what, parts) => {
    expect(outcome(orphanEntry(), parts)).toBe(expected);
  });
});

it('a fresh plan that selects more authorises nothing: only what was archived comes out', () => {
  const more = rowOf(`${KEY}:thread:1.1`, 60 * DAY_MS, { sessionId: 'more' });
  const fresh = planOf({ ...NOW, rows: [OLD, more], files: [FILE, fileOf('more.jsonl', 60 * DAY_MS)] });
  const { ready, done } = recheck([{ entry: ENTRY, files: [archived(FILE)] }], fresh);
  expect([...ready, ...done].flatMap(({ files }) => files.map(({ name }) => name))).toEqual(['old.jsonl']);
  expect(ready.map(({ entry }) => entry.rowSha256)).toEqual([rowSha256(OLD.row)]);
});

it('the stub of a tombstone that never comes to be is marked as stray, one that is in use is not', () => {
  const stray = (rows: PlanParts['rows']) =>
    recheck([{ entry: ENTRY, files: [archived(FILE)] }], planOf({ ...NOW, rows: rows ?? [], files: [] }))
      .abandoned[0]?.hasStrayStub;
  expect(stray([rowOf(KEY, 0, { sessionId: 'fresh' })])).toBe(true);
  expect(stray([tombstoned])).toBe(false);
});
