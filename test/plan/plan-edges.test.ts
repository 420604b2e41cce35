import { describe, expect, it } from 'vitest';
import {
  DAY_MS,
  fileOf,
  HOUR_MS,
  MINUTE_MS,
  NOW_MS,
  planOf,
  rowOf,
  SESSIONS_DIR,
  STORE,
  uuid,
} from '../support/snapshot.ts';

const CHANNEL = 'agent:main:slack:channel:c1';
const policy = { protectedPruneAfterMs: 7 * DAY_MS };

function reasonFor(fields: Record<string, unknown>, more = {}) {
  const row = rowOf(CHANNEL, 30 * DAY_MS, { sessionId: uuid(1), ...fields });
  const plan = planOf({ policy, rows: [row], ...more });
  return plan.kept[0]?.reason ?? plan.selected[0]?.action;
}

describe('an old protected row', () => {
  it.each([
    ['status done', { status: 'done', startedAt: 1, endedAt: 2 }],
    ['abortedLastRun: false', { abortedLastRun: false }],
    ['empty injections', { pluginNextTurnInjections: [] }],
    ['empty CLI bindings', { cliSessionBindings: {} }],
    ['fields set to null', { acp: null, quotaSuspension: null, pinnedAt: null, goal: null }],
    ['an empty pending delivery', { pendingFinalDelivery: false, pendingFinalDeliveryText: '' }],
    ['its own file by its absolute path', { sessionFile: `${SESSIONS_DIR}/x.jsonl` }],
    [
      'a mark of ours on a row that was used since',
      { clawback: { v: 1, archiveId: 'a', sessionId: uuid(1) } },
    ],
  ])('goes although it has %s', (_what, fields) => {
    expect(reasonFor(fields)).toBe('trim');
  });

  it.each([
    ['started after it ended', { startedAt: 3, endedAt: 2 }, 'run-unfinished'],
    ['a date 6 minutes ahead', { lastInteractionAt: NOW_MS + 6 * MINUTE_MS }, 'future-dated'],
    ['a date 4 minutes ahead', { lastInteractionAt: NOW_MS + 4 * MINUTE_MS }, 'recent'],
    ['a date years ahead', { endedAt: NOW_MS + 4000 * DAY_MS }, 'future-dated'],
    ['no date', { updatedAt: undefined }, 'undated'],
    ['dates that are no numbers', { updatedAt: '2020-01-01', startedAt: undefined }, 'undated'],
    [
      'a date that is no number beside an old one',
      { updatedAt: '2026-11-20', startedAt: 1, endedAt: 2 },
      'undated',
    ],
    ['the date 0', { updatedAt: 0 }, 'undated'],
    ['a negative date', { updatedAt: -1 }, 'undated'],
    ['a transcript in a folder below', { sessionFile: 'sub/x.jsonl' }, 'transcript-elsewhere'],
    ['a transcript above', { sessionFile: '../x.jsonl' }, 'transcript-elsewhere'],
    ['an id of dots', { sessionId: '..' }, 'session-id-unsafe'],
    ['an id with NUL', { sessionId: 'a\0b' }, 'session-id-unsafe'],
  ])('stays because of %s', (_what, fields, reason) => {
    expect(reasonFor(fields)).toBe(reason);
  });

  it('stays if what is known of its activity spells its key in lower case', () => {
    const key = 'agent:main:signal:group:AbCd=';
    const evidence = { reason: 'running-task', where: 'tasks/runs.sqlite' } as const;
    const plan = planOf({
      policy,
      rows: [rowOf(key, 30 * DAY_MS, { sessionId: uuid(1) })],
      activity: { byKey: new Map([[key.toLowerCase(), evidence]]) },
    });
    expect(plan.kept.map(({ reason }) => reason)).toEqual(['running-task']);
  });

  it('stays if one of its files is dated in the future', () => {
    expect(reasonFor({}, { files: [fileOf(`${uuid(1)}.jsonl`, -DAY_MS)] })).toBe('future-dated');
  });

  it('is found under both spellings of a sessions folder that is reached through a link', () => {
    const rows = [
      rowOf(CHANNEL, 30 * DAY_MS, { sessionId: uuid(1), sessionFile: `${SESSIONS_DIR}/a.jsonl` }),
    ];
    const plan = planOf({ policy, rows, files: [fileOf('a.jsonl', 30 * DAY_MS)] });
    expect(plan.selected[0]?.files.map(({ name }) => name)).toEqual(['a.jsonl']);
  });
});

describe('a child session', () => {
  const parentWith = (field: string, child: Record<string, unknown>, ageMs: number) =>
    planOf({
      policy,
      rows: [
        rowOf(CHANNEL, 30 * DAY_MS, { sessionId: uuid(1) }),
        rowOf('agent:main:subagent:x', ageMs, { sessionId: uuid(2), [field]: CHANNEL, ...child }),
      ],
    }).kept.find(({ sessionKey }) => sessionKey === CHANNEL)?.reason;

  it.each(['spawnedBy', 'parentSessionKey'])('that is running holds its parent by %s', (field) => {
    expect(parentWith(field, { status: 'running' }, 30 * DAY_MS)).toBe('active-child');
  });

  it('that is recent, or tells no date, holds its parent', () => {
    expect(parentWith('spawnedBy', {}, 30 * MINUTE_MS)).toBe('active-child');
    expect(parentWith('spawnedBy', { updatedAt: undefined }, 0)).toBe('active-child');
  });

  it('that is long done does not', () => {
    expect(parentWith('spawnedBy', {}, 20 * DAY_MS)).toBeUndefined();
  });
});

describe('retention.maxEntries', () => {
  const direct = (n: number, ageMs: number) =>
    rowOf(`agent:main:slack:direct:u${n}`, ageMs, { sessionId: uuid(n) });

  it('takes the oldest first and stops at the count', () => {
    const rows = [3, 1, 4, 2, 5].map((days) => direct(days, days * DAY_MS));
    const plan = planOf({ rows, policy: { maxEntries: 3 } });
    expect(plan.selected.map(({ sessionKey }) => sessionKey)).toEqual([
      'agent:main:slack:direct:u4',
      'agent:main:slack:direct:u5',
    ]);
  });

  it('does not count what an age rule takes anyway', () => {
    const rows = [1, 2, 40, 50].map((days) => direct(days, days * DAY_MS));
    const plan = planOf({ rows, policy: { maxEntries: 2, pruneAfterMs: 30 * DAY_MS } });
    expect(plan.selected.map(({ reason }) => reason)).toEqual(['ordinary-age', 'ordinary-age']);
  });

  it('never takes a protected row, however many there are', () => {
    const rows = Array.from({ length: 30 }, (_, n) =>
      rowOf(`${CHANNEL}:thread:${n}.1`, 90 * DAY_MS, { sessionId: uuid(n) }),
    );
    expect(planOf({ rows, policy: { maxEntries: 1 } }).selected).toEqual([]);
  });
});

describe('an agent filter', () => {
  it('keeps rows and files of other agents', () => {
    const rows = ['main', 'research'].map((agent, n) =>
      rowOf(`agent:${agent}:explicit:model-run-${uuid(n)}`, 3 * DAY_MS, { sessionId: uuid(n) }),
    );
    const { agentId: _agentId, ...shared } = { ...STORE, id: 'shared' };
    const files = [fileOf(`${uuid(9)}.jsonl`, 90 * DAY_MS)];
    const plan = planOf({ rows, files, store: shared, policy: { agentIds: ['research'] } });
    expect(plan.selected.map(({ sessionKey }) => sessionKey)).toEqual([rows[1]?.sessionKey]);
    expect(plan.kept.map(({ reason }) => reason)).toEqual(['other-agent']);
  });
});

describe('orphans', () => {
  it('of one session travel together, live transcript base apart from topics', () => {
    const names = [
      `${uuid(1)}.jsonl.reset.2026-10-01T04-00-00.000Z`,
      `${uuid(1)}.trajectory.jsonl`,
      `${uuid(2)}.jsonl`,
    ];
    const plan = planOf({ files: names.map((name) => fileOf(name, 30 * DAY_MS)) });
    expect(plan.selected.map(({ sessionId, files }) => [sessionId, files.length])).toEqual([
      [uuid(1), 2],
      [uuid(2), 1],
    ]);
  });

  it('stay when retention.orphanPruneAfter is off', () => {
    const { selected, keptFiles } = planOf({
      files: [fileOf(`${uuid(1)}.jsonl`, 900 * DAY_MS)],
      policy: { orphanPruneAfterMs: undefined } as never,
    });
    expect([selected, keptFiles.map(({ reason }) => reason)]).toEqual([[], ['no-policy']]);
  });

  it('are no orphans while a row of a neighbouring store names them', () => {
    const neighbourRows = [rowOf('agent:other:main', HOUR_MS, { sessionId: uuid(1) })];
    expect(planOf({ neighbourRows, files: [fileOf(`${uuid(1)}.jsonl`, 900 * DAY_MS)] }).selected).toEqual([]);
  });
});
