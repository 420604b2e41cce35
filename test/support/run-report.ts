import { type RunReport, runReportSchema } from '../../src/reports/run-report.ts';

const NO_ROWS = { total: 0, protected: 0, tombstones: 0, modelRuns: 0 };

/** A run that archived a little; changes on top. */
export function runReport(changes: Partial<RunReport> = {}): RunReport {
  return runReportSchema.parse({
    format: 'clawback.report/1',
    tool: 'clawback/0.1.0',
    instance: 'oc-test',
    runId: '20261121t041500z-3f9a2c1d',
    command: 'archive',
    startedAt: '2026-11-21T04:15:00.000Z',
    durationMs: 90_500,
    exitCode: 0,
    interrupted: false,
    road: 'direct',
    rows: { before: NO_ROWS, after: { total: 100, protected: 60, tombstones: 20, modelRuns: 30 } },
    disk: {
      before: { files: 0, diskBytes: 0, byKind: {} },
      after: { files: 3, diskBytes: 12_288, byKind: { transcript: { files: 3, diskBytes: 12_288 } } },
    },
    keptByReason: { recent: 60, tombstone: 20 },
    protectedKeptByReason: { tombstone: 20 },
    done: { modelRunRowsRemoved: 48, filesArchived: 361, freedBytes: 2_831_155, storedBytes: 216_064 },
    leftAlone: {},
    failures: {},
    archive: { sessions: 123, rawBytes: 2_000_000, storedBytes: 216_064 },
    budget: null,
    ...changes,
  });
}
