import { describe, expect, it } from 'vitest';
import { ClawbackError, toErrorData } from '../../src/errors.ts';
import { catalogueRows } from '../../src/manifest/catalogue.ts';
import { RunTally } from '../../src/report.ts';
import { buildReport, type EndedRun, type Measured } from '../../src/reports/build-report.ts';
import { runReportSchema } from '../../src/reports/run-report.ts';
import { countRows, type Survey } from '../../src/reports/survey.ts';
import { manifestOf } from '../support/manifests.ts';
import { DAY_MS, NOW_MS, planOf, rowOf, snapshotOf, uuid } from '../support/snapshot.ts';

const SECRET = 'agent:main:slack:channel:c0secret';
const TOMBSTONE = { sessionId: 't', updatedAt: 0, clawback: { v: 1, archiveId: 'a', sessionId: 't' } };

const rows = [
  rowOf(`agent:main:explicit:model-run-${uuid(1)}`, 2 * DAY_MS, { sessionId: uuid(1) }),
  rowOf(SECRET, 9 * DAY_MS, { sessionId: uuid(2) }),
  rowOf(`${SECRET}:thread:1.1`, 9 * DAY_MS, { sessionId: uuid(3), status: 'running' }),
  rowOf(`${SECRET}:thread:2.2`, 0, TOMBSTONE),
  rowOf('agent:main:main', 4 * DAY_MS, { sessionId: uuid(5) }),
];
const plan = planOf({ policy: { protectedPruneAfterMs: 7 * DAY_MS }, rows });

function surveyOf(diskBytes: number, changes: Partial<Survey> = {}): Survey {
  const byKind = { transcript: { files: 2, diskBytes } };
  return {
    rows: countRows([snapshotOf({ rows })]),
    disk: { files: 2, diskBytes, byKind },
    unreadStores: 0,
    ...changes,
  };
}

function build(ended: Partial<EndedRun> = {}, measured: Partial<Measured> = {}) {
  return buildReport(
    { command: 'archive', runId: '20261121t090000z-00000001', road: 'gateway', startedMs: NOW_MS },
    { plans: [plan], tally: new RunTally(), exitCode: 0, interrupted: false, ...ended },
    {
      before: surveyOf(8192),
      after: surveyOf(4096),
      endedMs: NOW_MS + 1500,
      archived: [],
      tool: 'clawback/0.0.0',
      instance: 'oc-test',
      agents: undefined,
      ...measured,
    },
  );
}

describe('rows are counted as operators count them', () => {
  it('in all stores, with protected ones, tombstones among them, and model runs', () => {
    const other = snapshotOf({ rows: [rowOf('agent:ops:main', 0)] });
    expect(countRows([snapshotOf({ rows }), other])).toEqual({
      total: 6,
      protected: 3,
      tombstones: 1,
      modelRuns: 1,
    });
  });
});

describe('the report of a run', () => {
  it('is of its own format, and says which run, when, how and for how long', () => {
    const report = build();
    expect(runReportSchema.parse(report)).toEqual(report);
    expect(report).toMatchObject({
      runId: '20261121t090000z-00000001',
      startedAt: '2026-11-21T09:00:00.000Z',
      durationMs: 1500,
      road: 'gateway',
      scope: { agents: null, unreadStores: 0 },
      budget: null,
    });
  });

  it('says what was there before and after', () => {
    const { rows: counted, disk } = build();
    expect(counted.before).toEqual({ total: 5, protected: 3, tombstones: 1, modelRuns: 1 });
    expect([disk.before.diskBytes, disk.after.diskBytes]).toEqual([8192, 4096]);
    expect(disk.after.byKind).toEqual({ transcript: { files: 2, diskBytes: 4096 } });
  });

  it('tells why rows were kept, and the protected ones among them', () => {
    const { keptByReason, protectedKeptByReason } = build();
    expect(keptByReason).toEqual({ running: 1, tombstone: 1, 'no-policy': 1 });
    expect(protectedKeptByReason).toEqual({ running: 1, tombstone: 1 });
  });

  it('counts failures of sessions and of the run by code, and files that could not be removed', () => {
    const tally = new RunTally();
    const error = toErrorData(new ClawbackError('archive-unreachable', 'put object: refused'));
    tally.failures.push(
      { sessionKey: SECRET, sessionId: 's', error },
      { sessionKey: null, sessionId: 't', error },
    );
    tally.problem('the catalogue of this run', new ClawbackError('archive-io', 'disk full'));
    tally.leftAlone.push({ sessionKey: SECRET, sessionId: 's', why: 'now-active' });
    tally.filesLeft.push(
      { name: 'a', why: 'EACCES', isFailure: true },
      { name: 'b', why: 'it was gone', isFailure: false },
    );
    const report = build({ tally, exitCode: 3, endedBy: 'store-unreadable' });
    expect(report).toMatchObject({
      exitCode: 3,
      failures: { 'archive-unreachable': 2, 'archive-io': 1, 'store-unreadable': 1 },
      filesNotRemoved: 1,
      leftAlone: { 'now-active': 1 },
    });
  });

  it('names no conversation', () => {
    const tally = new RunTally();
    const error = toErrorData(new ClawbackError('source-unreadable', 'read c0secret.jsonl'));
    tally.failures.push({ sessionKey: SECRET, sessionId: 'c0secret', error });
    tally.filesLeft.push({ name: 'c0secret.jsonl', why: 'EACCES', isFailure: true });
    expect(JSON.stringify(build({ tally }))).not.toContain('c0secret');
  });

  it('sums up the whole archive', () => {
    const archived = [manifestOf(1, 3), manifestOf(2, 2)].flatMap(catalogueRows);
    expect(build({}, { archived }).archive).toEqual({ sessions: 5, rawBytes: 2500, storedBytes: 250 });
  });

  it('says what its numbers are of: which agents, and how many stores could not be read', () => {
    const { scope } = build({}, { agents: ['main'], after: surveyOf(1, { unreadStores: 1 }) });
    expect(scope).toEqual({ agents: ['main'], unreadStores: 1 });
  });

  it('has no negative duration when the clock was set back meanwhile', () => {
    expect(build({}, { endedMs: NOW_MS - 5000 }).durationMs).toBe(0);
  });

  it('knows of a disk budget where one is set', () => {
    const budget = { maxDiskBytes: 10, highWaterBytes: 8, isOver: true };
    expect(build({ budget }).budget).toEqual(budget);
  });
});
