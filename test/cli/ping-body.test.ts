import { describe, expect, it } from 'vitest';
import { pingBody } from '../../src/cli/ping-body.ts';
import { runReport } from '../support/run-report.ts';

const OUTCOME = { command: 'archive', exitCode: 3, durationMs: 90_500 } as const;

describe('what a health check is sent', () => {
  it('is the report in numbers and error codes, failures last', () => {
    const report = runReport({
      exitCode: 3,
      leftAlone: { 'row-changed': 2 },
      failures: { 'archive-denied': 7 },
      budget: { maxDiskBytes: 10 * 1024 * 1024, highWaterBytes: 1, isOver: true },
    });
    expect(pingBody(OUTCOME, [report]).split('\n')).toEqual([
      'clawback archive: exit code 3 after 1 min 31 s',
      'archive on oc-test, run 20261121t041500z-3f9a2c1d',
      '  rows: 100, of which 60 protected (20 tombstones), 30 model runs',
      '  disk: 12.0 KB in 3 files',
      '  OVER its budget of 10.0 MB',
      '  archive: 211 KB for 123 sessions',
      '  done: modelRunRowsRemoved 48, filesArchived 361, freedBytes 2831155, storedBytes 216064',
      '  kept: recent 60, tombstone 20',
      '  left alone: row-changed 2',
      '  FAILED: archive-denied 7',
    ]);
  });

  it('is the code of the error where a run came to nothing', () => {
    expect(pingBody({ ...OUTCOME, exitCode: 1, code: 'no-session-store' }, [])).toBe(
      'clawback archive: exit code 1 after 1 min 31 s\nended by an error: no-session-store',
    );
  });

  it('has every run of a night', () => {
    const body = pingBody(OUTCOME, [runReport(), runReport({ command: 'reclaim', interrupted: true })]);
    expect(body).toContain('\narchive on oc-test');
    expect(body).toContain('\nreclaim on oc-test, run 20261121t041500z-3f9a2c1d, interrupted');
  });
});
