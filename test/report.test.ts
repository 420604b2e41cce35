import { describe, expect, it } from 'vitest';
import { countPlans, RunTally } from '../src/report.ts';
import { makeBatches } from '../src/ship/batches.ts';
import type { ShipReport } from '../src/ship/task.ts';
import { DAY_MS, fileOf, planOf, rowOf, uuid } from './support/snapshot.ts';

const CHANNEL = 'agent:main:slack:channel:c1';
const plan = planOf({
  policy: { protectedPruneAfterMs: 7 * DAY_MS, maxEntries: 1 },
  rows: [
    rowOf(`agent:main:explicit:model-run-${uuid(1)}`, 2 * DAY_MS, { sessionId: uuid(1) }),
    rowOf(CHANNEL, 9 * DAY_MS, { sessionId: uuid(2) }),
    rowOf(`${CHANNEL}:thread:1.1`, 9 * DAY_MS, { sessionId: uuid(3), status: 'running' }),
    rowOf('agent:main:slack:direct:u1', 5 * DAY_MS, { sessionId: uuid(4) }),
    rowOf('agent:main:main', 4 * DAY_MS, { sessionId: uuid(5) }),
  ],
  files: [1, 2, 3, 9].map((n) => fileOf(`${uuid(n)}.jsonl`, 9 * DAY_MS)),
});
const [batch] = makeBatches(
  plan,
  { runId: '20261121t090000z-00000001', jobs: 1, stub: false, keepModelRunFiles: true },
  1,
);
if (batch === undefined) throw new Error('no batch');

/** A report in which everything shipped but the sessions of these indexes. */
function reportOf(skipped: ShipReport['skipped'] = []): ShipReport {
  const left = new Set(skipped.map(({ index }) => index));
  const shipped = [...(batch?.task.sessions.entries() ?? [])].flatMap(([index, { files }]) =>
    left.has(index)
      ? []
      : [
          {
            index,
            files: files.map(({ kind, name, identity }) => ({
              kind,
              name,
              identity,
              sha256: 'a'.repeat(64),
            })),
          },
        ],
  );
  return {
    batchId: batch?.task.batchId ?? '',
    manifestKey: 'k',
    shipped,
    skipped,
    rawBytes: 10,
    storedBytes: 5,
    objects: 2,
  };
}

describe('the counts of a plan', () => {
  it('add up: every row is selected or kept, and why', () => {
    expect(countPlans([plan])).toEqual({
      rows: 5,
      protectedRows: 2,
      selectedRows: 3,
      retiredTombstones: 0,
      selectedFiles: 3,
      selectedBytes: 3000,
      bySelectReason: { 'model-run-age': 1, 'protected-age': 1, 'ordinary-cap': 1, 'orphan-age': 1 },
      keptRows: 2,
      keptByReason: { running: 1, 'no-policy': 1 },
      protectedKeptByReason: { running: 1 },
    });
  });

  it('of several stores are their sums, of none are zero', () => {
    expect(countPlans([plan, plan])).toMatchObject({
      rows: 10,
      selectedRows: 6,
      keptByReason: { running: 2 },
    });
    expect(countPlans([])).toMatchObject({ rows: 0, selectedRows: 0, bySelectReason: {} });
  });
});

describe('the tally of a run', () => {
  const done = batch.task.sessions.map(({ entry }) => ({ entry, files: [] }));
  const reclaimed = {
    files: 3,
    freedBytes: 12_288,
    left: [{ name: 'x', why: 'it changed', isFailure: false }],
  };

  it('counts each session under what was done to it', () => {
    const tally = new RunTally();
    tally.shipped(batch, reportOf());
    tally.finished(done, reclaimed);
    expect(tally.counts).toMatchObject({
      modelRunRowsRemoved: 1,
      protectedRowsTrimmed: 1,
      ordinaryRowsCapped: 1,
      ordinaryRowsPruned: 0,
      orphanSessionsArchived: 1,
      filesArchived: 3,
      filesReclaimed: 3,
      freedBytes: 12_288,
      rawBytes: 10,
      storedBytes: 5,
      objects: 2,
    });
    expect(tally.filesLeft).toEqual(reclaimed.left);
  });

  it('counts the files of a session once that had to be archived twice, and all that was stored', () => {
    const tally = new RunTally();
    tally.shipped(batch, reportOf());
    tally.shipped(batch, reportOf(), true);
    expect(tally.counts).toMatchObject({ filesArchived: 3, rawBytes: 10, storedBytes: 10, objects: 4 });
  });

  it('tells a session whose files changed, which is fine, from one that could not be read', () => {
    const tally = new RunTally();
    const error = { message: 'm', retryable: false };
    tally.shipped(
      batch,
      reportOf([
        { index: 0, error: { ...error, code: 'source-changed' } },
        { index: 1, error: { ...error, code: 'source-unreadable' } },
      ]),
    );
    const keyOf = (index: number) => batch.planned[index]?.sessionKey;
    expect(tally.leftAlone).toMatchObject([{ sessionKey: keyOf(0), why: 'files-changed' }]);
    expect(tally.failures).toMatchObject([{ sessionKey: keyOf(1), error: { code: 'source-unreadable' } }]);
  });

  it('a batch that failed is a failure of each of its sessions', () => {
    const tally = new RunTally();
    tally.failed(batch, { code: 'archive-unreachable', message: 'm', retryable: true });
    expect(tally.failures.map(({ sessionKey }) => sessionKey)).toEqual(
      batch.planned.map(({ sessionKey }) => sessionKey),
    );
  });
});
