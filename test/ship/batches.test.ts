import { describe, expect, it } from 'vitest';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import { tombstoneMark } from '../../src/sessions/row.ts';
import { makeBatches } from '../../src/ship/batches.ts';
import { DAY_MS, fileOf, type PlanParts, planOf, rowOf, uuid } from '../support/snapshot.ts';

const MIB = 1024 * 1024;
const OPTIONS = { runId: '20261121t090000z-00000001', jobs: 2, stub: true, keepModelRunFiles: true };
const MODEL_RUN = (n: number) => `agent:main:explicit:model-run-${uuid(n)}`;
const CHANNEL = 'agent:main:slack:channel:c1';

/** A plan of model runs with one transcript each, of these sizes in MiB. */
function plan(sizes: readonly number[], more: PlanParts = {}) {
  return planOf({
    rows: sizes.map((_size, n) => rowOf(MODEL_RUN(n), (2 + n) * DAY_MS, { sessionId: uuid(n) })),
    files: sizes.map((size, n) => fileOf(`${uuid(n)}.jsonl`, 3 * DAY_MS, { sizeBytes: size * MIB })),
    ...more,
  });
}

const counts = (sizes: readonly number[], jobs = 2) =>
  makeBatches(plan(sizes), { ...OPTIONS, jobs }, 1).map(({ task }) => task.sessions.length);

describe('cutting a plan into batches', () => {
  it.each([
    ['nothing', [], 2, []],
    ['few bytes', Array(30).fill(0.1), 2, [30]],
    ['bytes for every worker', Array(8).fill(10), 2, [4, 4]],
    ['more bytes than a batch holds', Array(30).fill(10), 2, [6, 6, 6, 6, 6]],
    ['one large session among small ones', [1, 1, 300, 1, 1], 2, [1, 1, 3]],
    ['sessions without files', Array(1200).fill(0), 2, [500, 500, 200]],
  ])('%s', (_what, sizes, jobs, expected) => {
    expect(counts(sizes, jobs)).toEqual(expected);
  });

  it('loses no session and doubles none', () => {
    const batches = makeBatches(plan(Array(700).fill(0.2)), OPTIONS, 1);
    const keys = batches.flatMap(({ task }) => task.sessions.map(({ entry }) => entry.sessionKey));
    expect(new Set(keys).size).toBe(700);
    expect(keys).toHaveLength(700);
  });

  it('puts like with like, oldest first', () => {
    const rows = [
      rowOf(MODEL_RUN(1), 2 * DAY_MS, { sessionId: uuid(1) }),
      rowOf(CHANNEL, 8 * DAY_MS, { sessionId: uuid(2) }),
      rowOf(MODEL_RUN(3), 9 * DAY_MS, { sessionId: uuid(3) }),
    ];
    const mixed = planOf({ rows, policy: { protectedPruneAfterMs: DAY_MS } });
    const [batch] = makeBatches(mixed, OPTIONS, 1);
    expect(batch?.task.sessions.map(({ entry }) => entry.sessionKey)).toEqual([
      CHANNEL,
      MODEL_RUN(3),
      MODEL_RUN(1),
    ]);
    expect(batch?.planned.map(({ sessionKey }) => sessionKey)).toEqual([CHANNEL, MODEL_RUN(3), MODEL_RUN(1)]);
  });

  it('numbers batches on from where the run is, and archive ids within each', () => {
    const batches = makeBatches(plan(Array(8).fill(10)), OPTIONS, 7);
    expect(batches.map(({ task }) => task.batchId)).toEqual([
      `${OPTIONS.runId}-0007`,
      `${OPTIONS.runId}-0008`,
    ]);
    expect(batches[0]?.task.sessions.map(({ entry }) => entry.archiveId)).toEqual(
      [0, 1, 2, 3].map((n) => `${OPTIONS.runId}-0007.${n}`),
    );
  });
});

describe('a session on its way', () => {
  const protectedPlan = planOf({
    rows: [rowOf(CHANNEL, 9 * DAY_MS, { sessionId: uuid(2), lastTo: 'channel:C1' })],
    files: [fileOf(`${uuid(2)}.jsonl`, 9 * DAY_MS), fileOf(`${uuid(9)}.jsonl`, 9 * DAY_MS)],
    policy: { protectedPruneAfterMs: DAY_MS },
  });

  it('carries the whole row, its hash and its tombstone with a stub of its own name', () => {
    const [batch] = makeBatches(protectedPlan, OPTIONS, 1);
    const entry = batch?.task.sessions.find((one) => one.entry.action === 'trim')?.entry;
    expect(entry?.row).toEqual(protectedPlan.snapshot.rows[0]?.row);
    expect(entry?.rowSha256).toBe(rowSha256(entry?.row));
    expect(tombstoneMark(entry?.tombstone ?? {})?.archiveId).toBe(entry?.archiveId);
    expect(entry?.tombstone).toMatchObject({
      lastTo: 'channel:C1',
      sessionFile: `${entry?.tombstone?.sessionId}.jsonl`,
    });
    expect(entry?.tombstone?.sessionId).not.toBe(uuid(2));
  });

  it('has no stub where tombstone.stub is off', () => {
    const [batch] = makeBatches(protectedPlan, { ...OPTIONS, stub: false }, 1);
    const trimmed = batch?.task.sessions.find((one) => one.entry.action === 'trim');
    expect(trimmed?.entry.tombstone).not.toHaveProperty('sessionFile');
  });

  it('has neither row nor tombstone if it is only files', () => {
    const [batch] = makeBatches(protectedPlan, OPTIONS, 1);
    const files = batch?.task.sessions.find((one) => one.entry.action === 'files');
    expect(files?.entry).toMatchObject({
      row: null,
      rowSha256: null,
      tombstone: null,
      sessionKey: null,
      kind: 'orphan',
    });
  });

  it('keeps its files, unless it is a model run and modelRun.keepTranscripts is false', () => {
    const mixed = planOf({
      rows: [
        rowOf(CHANNEL, 9 * DAY_MS, { sessionId: uuid(2) }),
        rowOf(MODEL_RUN(1), 9 * DAY_MS, { sessionId: uuid(1) }),
      ],
      policy: { protectedPruneAfterMs: DAY_MS },
    });
    const [batch] = makeBatches(mixed, { ...OPTIONS, keepModelRunFiles: false }, 1);
    expect(batch?.task.sessions.map(({ entry, keepFiles }) => [entry.kind, keepFiles])).toEqual([
      ['channel', true],
      ['model-run', false],
    ]);
  });
});
