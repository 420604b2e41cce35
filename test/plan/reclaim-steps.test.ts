import { describe, expect, it } from 'vitest';
import { explainHeld } from '../../src/plan/held.ts';
import { planStep } from '../../src/plan/reclaim-steps.ts';
import {
  DAY_MS,
  fileOf,
  HOUR_MS,
  inputOf,
  MINUTE_MS,
  type PlanParts,
  rowOf,
  type SnapshotParts,
  uuid,
} from '../support/snapshot.ts';

const CHANNEL = 'agent:main:slack:channel:c1';

/** A channel with transcript, flight recorder and pointer. */
function channel(n: number, ageMs: number, fields = {}): Required<Pick<SnapshotParts, 'rows' | 'files'>> {
  const id = uuid(n);
  return {
    rows: [rowOf(`${CHANNEL}${n}`, ageMs, { sessionId: id, ...fields })],
    files: [
      fileOf(`${id}.jsonl`, ageMs),
      fileOf(`${id}.trajectory.jsonl`, ageMs),
      fileOf(`${id}.trajectory-path.json`, ageMs),
    ],
  };
}

const namesOf = (step: Parameters<typeof planStep>[0], parts: PlanParts, floorMs?: number) =>
  planStep(step, inputOf(parts), floorMs).selected.flatMap(({ files }) => files.map(({ name }) => name));

describe('the step for unreferenced files', () => {
  const orphan = (ageMs: number) => ({
    files: [fileOf(`${uuid(9)}.jsonl.reset.2026-11-01T04-00-00.000Z`, ageMs)],
  });

  it('does not wait for retention.orphanPruneAfter, but for retention.minIdle', () => {
    expect(namesOf('orphans', orphan(2 * HOUR_MS))).toHaveLength(1);
    expect(namesOf('orphans', orphan(59 * MINUTE_MS))).toEqual([]);
  });

  it('takes nothing that a row names', () => {
    expect(namesOf('orphans', channel(1, 30 * DAY_MS))).toEqual([]);
  });

  it('leaves alone what was restored a moment ago', () => {
    const parts = { ...orphan(30 * DAY_MS), restoredAgeMs: { [uuid(9)]: 10 * MINUTE_MS } };
    expect(namesOf('orphans', parts)).toEqual([]);
  });
});

describe('the step for flight recorders', () => {
  it('takes the trajectory of an idle conversation, and leaves its row and transcript', () => {
    const plan = planStep('trajectories', inputOf(channel(1, 2 * HOUR_MS)), undefined);
    expect(plan.selected).toMatchObject([
      { action: 'files', row: null, sessionKey: `${CHANNEL}1`, kind: 'channel' },
    ]);
    expect(plan.selected[0]?.files.map(({ name }) => name)).toEqual([`${uuid(1)}.trajectory.jsonl`]);
  });

  it.each([
    ['is in progress', { status: 'running' }],
    ['waits for delivery', { pendingFinalDelivery: { text: 'x' } }],
    ['is bound to ACP', { acp: { state: 'idle' } }],
    ['is pinned', { pinnedAt: 1 }],
  ])('leaves a conversation alone that %s', (_what, fields) => {
    expect(namesOf('trajectories', channel(1, 30 * DAY_MS, fields))).toEqual([]);
  });

  it('leaves a conversation alone that was touched within retention.minIdle', () => {
    expect(namesOf('trajectories', channel(1, 30 * MINUTE_MS))).toEqual([]);
  });

  it('leaves a locked conversation alone', () => {
    const { rows, files } = channel(1, 30 * DAY_MS);
    const locked = { rows, files: [...files, fileOf(`${uuid(1)}.jsonl.lock`, 30 * DAY_MS)] };
    expect(namesOf('trajectories', locked)).toEqual([]);
  });
});

describe('the step for protected conversations', () => {
  it('takes none while there is no floor', () => {
    expect(namesOf('protected', channel(1, 300 * DAY_MS))).toEqual([]);
  });

  it('takes those that were idle for longer than the floor, to be trimmed', () => {
    const plan = planStep('protected', inputOf(channel(1, 8 * DAY_MS)), 7 * DAY_MS);
    expect(plan.selected).toMatchObject([{ action: 'trim', protected: true, reason: 'budget-protected' }]);
    expect(namesOf('protected', channel(1, 6 * DAY_MS), 7 * DAY_MS)).toEqual([]);
  });

  it('counts from the day that a conversation was restored', () => {
    const parts = { ...channel(1, 300 * DAY_MS), restoredAgeMs: { [uuid(1)]: 2 * DAY_MS } };
    expect(namesOf('protected', parts, 7 * DAY_MS)).toEqual([]);
  });

  it('takes no ordinary conversation, however old', () => {
    const rows = [rowOf('agent:main:main', 300 * DAY_MS, { sessionId: uuid(1) })];
    expect(namesOf('protected', { rows, files: [fileOf(`${uuid(1)}.jsonl`, 300 * DAY_MS)] }, DAY_MS)).toEqual(
      [],
    );
  });
});

describe('what is left', () => {
  it('is told by reason, with every file counted once', () => {
    const parts = [
      channel(1, 30 * DAY_MS),
      channel(2, 10 * MINUTE_MS),
      channel(3, 30 * DAY_MS, { status: 'running' }),
    ];
    const input = inputOf({
      rows: parts.flatMap(({ rows }) => rows),
      files: [
        ...parts.flatMap(({ files }) => files),
        fileOf('notes.txt', DAY_MS),
        fileOf('sessions.json', 0),
      ],
    });
    const held = explainHeld(input, undefined);
    expect(Object.fromEntries(held.map(({ reason, files }) => [reason, files]))).toEqual({
      'protected-off': 3,
      recent: 3,
      running: 3,
      foreign: 1,
      store: 1,
    });
    expect(held.reduce((sum, { diskBytes }) => sum + diskBytes, 0)).toBe(11 * 4096);
    expect(held.every(({ text }) => text !== '' && !text.includes('{}'))).toBe(true);
  });

  it('says what could not be read, where that keeps everything', () => {
    const unreadable = [{ where: 'tasks/runs.sqlite', why: 'this Node has no SQLite' }];
    const held = explainHeld(inputOf({ ...channel(1, 30 * DAY_MS), activity: { unreadable } }), 7 * DAY_MS);
    expect(held).toMatchObject([
      {
        reason: 'evidence-unreadable',
        text: expect.stringContaining('tasks/runs.sqlite: this Node has no SQLite'),
      },
    ]);
  });

  it('says which setting would let protected conversations go', () => {
    const input = inputOf(channel(1, 3 * DAY_MS));
    expect(explainHeld(input, undefined)[0]?.text).toContain('set diskBudget.protectedFloor');
    expect(explainHeld(input, 7 * DAY_MS)[0]).toMatchObject({ reason: 'protected-young' });
  });
});
