import { expect, it } from 'vitest';
import { DAY_MS, fileOf, HOUR_MS, planOf, rowOf, uuid } from '../support/snapshot.ts';

const CHANNEL = 'agent:main:slack:channel:c1';

it('a checkpoint that no row names travels with the session of its id, once', () => {
  const plan = planOf({
    policy: { protectedPruneAfterMs: 7 * DAY_MS },
    rows: [rowOf(CHANNEL, 30 * DAY_MS, { sessionId: uuid(1) })],
    files: [
      fileOf(`${uuid(1)}.jsonl`, 30 * DAY_MS),
      fileOf(`${uuid(1)}.checkpoint.${uuid(8)}.jsonl`, 30 * DAY_MS),
    ],
  });
  const taken = plan.selected.flatMap(({ files }) => files.map(({ name }) => name));
  expect(taken).toHaveLength(new Set(taken).size);
});

it('a checkpoint that no row names stays while the session of its id is in use', () => {
  const plan = planOf({
    rows: [rowOf(CHANNEL, HOUR_MS / 2, { sessionId: uuid(1), status: 'running' })],
    files: [
      fileOf(`${uuid(1)}.jsonl`, 30 * DAY_MS),
      fileOf(`${uuid(1)}.checkpoint.${uuid(8)}.jsonl`, 30 * DAY_MS),
    ],
  });
  expect(plan.selected).toEqual([]);
});

it('while evidence is unreadable, unreferenced files stay too', () => {
  const plan = planOf({
    files: [fileOf(`${uuid(1)}.jsonl`, 30 * DAY_MS)],
    activity: { unreadable: [{ where: 'tasks/runs.sqlite', why: 'is not a database' }] },
  });
  expect(plan.selected).toEqual([]);
});

it('of two stores in one folder the second has no unreferenced files: they are the other one’s to archive', () => {
  const files = [fileOf(`${uuid(1)}.jsonl`, 30 * DAY_MS)];
  expect(planOf({ files, ownsOrphans: true }).selected).toHaveLength(1);
  const { selected, keptFiles } = planOf({ files, ownsOrphans: false });
  expect([selected, keptFiles]).toEqual([[], []]);
});
