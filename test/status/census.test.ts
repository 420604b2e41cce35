import { describe, expect, it } from 'vitest';
import { SESSION_KINDS } from '../../src/sessions/session-key.ts';
import { type CapWarning, capWarning, describeCap } from '../../src/status/cap-warning.ts';
import { takeCensus } from '../../src/status/census.ts';
import { tombstoneOf } from '../../src/tombstone/tombstone.ts';
import { DAY_MS, fileOf, HOUR_MS, NOW_MS, rowOf, snapshotOf, uuid } from '../support/snapshot.ts';

const CHANNEL = 'agent:main:slack:channel:c1';
const census = (parts: Parameters<typeof snapshotOf>[0], maxEntries = 500, evictsRows = true) =>
  takeCensus(snapshotOf(parts), { maxEntries, evictsRows }, NOW_MS);

describe('the census of rows', () => {
  it('counts by age as operators do, protected ones apart', () => {
    const ages = [31, 30, 15, 8, 2, 0.5, 0.1].map((days) => days * DAY_MS);
    const rows = ages.flatMap((ageMs, n) => [
      rowOf(`${CHANNEL}:thread:${n}.1`, ageMs),
      rowOf(`agent:main:slack:direct:u${n}`, ageMs),
    ]);
    const { rows: all, protectedRows } = census({ rows });
    expect(all).toEqual({ total: 14, older30d: 2, older14d: 6, older7d: 8, older1d: 10, active4h: 2 });
    expect(protectedRows).toEqual({
      total: 7,
      older30d: 1,
      older14d: 3,
      older7d: 4,
      older1d: 5,
      active4h: 1,
    });
  });

  it('puts every row into one bucket', () => {
    const rests = [
      `explicit:model-run-${uuid(1)}`,
      'slack:channel:c',
      'slack:channel:c:thread:1.1',
      'slack:group:g',
      'slack:direct:u',
      'cron:j',
      'hook:h',
      'subagent:s',
      'acp:a',
      'slack:slash:u',
      'main',
      'dashboard:d',
    ];
    const rows = rests.map((rest, n) => rowOf(`agent:main:${rest}`, n < 6 ? 2 * DAY_MS : HOUR_MS));
    const { byKind, byKindOlder1d } = census({ rows });
    expect(byKind).toEqual(Object.fromEntries(SESSION_KINDS.map((kind) => [kind, 1])));
    expect(Object.values(byKindOlder1d).reduce((a, b) => a + b)).toBe(6);
  });

  it('counts tombstones, and entries that are no rows', () => {
    const tombstone = {
      sessionKey: CHANNEL,
      row: tombstoneOf({ row: {}, archiveId: 'x.0', sessionId: 'n' }),
    };
    expect(census({ rows: [tombstone, rowOf(`${CHANNEL}:thread:1.1`, 0)], malformedRows: 3 })).toMatchObject({
      tombstones: 1,
      malformedRows: 3,
    });
  });
});

describe('the census of files', () => {
  it('counts by kind; what no row references is an orphan, except archives that are never referenced', () => {
    const files = [
      fileOf('sessions.json', 0),
      fileOf(`${uuid(1)}.jsonl`, 0),
      fileOf(`${uuid(1)}.trajectory.jsonl`, 0),
      fileOf(`${uuid(2)}.jsonl`, 0),
      fileOf(`${uuid(2)}.trajectory.jsonl`, 0),
      fileOf(`${uuid(2)}.jsonl.reset.2026-11-01T04-00-00Z`, 0),
      fileOf('notes.txt', 0),
    ];
    const prompts = { files: 2, diskBytes: 8192, hashes: new Set<string>() };
    const result = census({ rows: [rowOf(CHANNEL, 0, { sessionId: uuid(1) })], files, prompts });
    const one = { files: 1, diskBytes: 4096 };
    expect(result.files).toEqual({
      store: one,
      transcript: one,
      trajectory: one,
      orphan: { files: 2, diskBytes: 8192 },
      reset: one,
      unknown: one,
      prompt: { files: 2, diskBytes: 8192 },
    });
    expect([result.totalFiles, result.totalDiskBytes, result.storeBytes]).toEqual([9, 9 * 4096, 4096]);
  });
});

describe('the warning about maxEntries', () => {
  const cap = (protectedRows: number, ordinary: number, maxEntries = 500) => {
    const rows = [
      ...Array.from({ length: protectedRows }, (_, n) => rowOf(`${CHANNEL}:thread:${n}.1`, 0)),
      ...Array.from({ length: ordinary }, (_, n) => rowOf(`agent:main:slack:direct:u${n}`, 0)),
    ];
    return census({ rows }, maxEntries).cap;
  };

  it('counts what the cap sees and what it can reach', () => {
    expect(cap(300, 100)).toEqual({
      maxEntries: 500,
      evictsRows: true,
      counted: 400,
      evictable: 100,
      protectedRows: 300,
      tombstones: 0,
      roomForOrdinary: 200,
      evictsFrom: 550,
    });
    expect(cap(600, 10).roomForOrdinary).toBe(0);
    expect([cap(0, 0, 49), cap(0, 0, 100), cap(0, 0, 1000)].map(({ evictsFrom }) => evictsFrom)).toEqual([
      50, 125, 1100,
    ]);
  });

  it.each([
    [0, 900],
    [399, 0],
  ])('is silent with %i protected and %i other rows', (protectedRows, ordinary) => {
    expect(capWarning(cap(protectedRows, ordinary))).toBeUndefined();
  });

  it('says how few ordinary rows survive once protected ones take four fifths', () => {
    expect(describeCap(cap(450, 10))).toMatch(/only 50 ordinary rows survive/);
    expect(describeCap(cap(499, 0))).toMatch(/only 1 ordinary row survives/);
  });

  it('says in plain words what happens when protected rows reach the cap, and which number helps', () => {
    const { text, advice } = capWarning(cap(584, 12)) as CapWarning;
    expect(text).toMatch(
      /584 protected rows reach .*\(500\).*on each write it evicts every ordinary row \(12 now\)/,
    );
    expect(text).toContain('on 2026.7.35 even agent:main:main cannot start a run');
    expect(advice).toMatch(/maxEntries to 1200 or more .*retention\.protectedRemoveAfter/);
  });

  it('is silent where OpenClaw only warns: session.maintenance.mode', () => {
    const rows = ['1.1', '1.2'].map((ts) => rowOf(`${CHANNEL}:thread:${ts}`, 0));
    expect(describeCap(census({ rows }, 2).cap)).toContain('2 protected rows reach');
    expect(capWarning(census({ rows }, 2, false).cap)).toBeUndefined();
  });

  it('says from how many rows on it evicts while that is still ahead', () => {
    expect(describeCap(cap(500, 0))).toContain('on each write once there are 550 rows');
    expect(describeCap(cap(540, 10))).toContain('on each write it evicts');
  });

  it('says that tombstones still count', () => {
    const row = tombstoneOf({ row: {}, archiveId: 'x.0', sessionId: 'n' });
    const rows = ['1.1', '1.2'].map((ts) => ({ sessionKey: `${CHANNEL}:thread:${ts}`, row }));
    expect(describeCap(census({ rows }, 2).cap)).toMatch(/2 of them are tombstones, which still count/);
    expect(describeCap(cap(600, 0))).not.toContain('of them are tombstones');
  });
});
