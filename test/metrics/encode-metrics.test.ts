import { spawnSync } from 'node:child_process';
import { describe, expect, it, test } from 'vitest';
import { encodeMetrics, type RunOutcome } from '../../src/metrics/encode-metrics.ts';
import { decodeSamples, METRICS } from '../../src/metrics/exposition.ts';
import { runReport } from '../support/run-report.ts';

/** As `name{labels}` → value. */
function valuesOf(text: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

const FULL = runReport({
  exitCode: 3,
  leftAlone: { 'row-changed': 2 },
  failures: { 'archive-denied': 1 },
  budget: { maxDiskBytes: 1_000_000, highWaterBytes: 800_000, isOver: true },
});

/** What is known of a run that could not even begin. */
const FAILED: RunOutcome = {
  command: 'archive',
  instance: 'oc-test',
  startedAt: '2026-11-22T04:15:00.000Z',
  durationMs: 1000,
  exitCode: 1,
};

describe('the metrics of a run', () => {
  it('are in base units, each with its help and type', () => {
    expect(encodeMetrics(runReport()).split('\n').slice(0, 7)).toEqual([
      '# Written by clawback after every run.',
      '# HELP clawback_last_run_timestamp_seconds When the last run ended, whatever came of it.',
      '# TYPE clawback_last_run_timestamp_seconds gauge',
      'clawback_last_run_timestamp_seconds{instance="oc-test",command="archive"} 1795234590.5',
      '# HELP clawback_last_success_timestamp_seconds When a run last ended with exit code 0.',
      '# TYPE clawback_last_success_timestamp_seconds gauge',
      'clawback_last_success_timestamp_seconds{instance="oc-test",command="archive"} 1795234590.5',
    ]);
  });

  it('tell what was done, kept and left, and what is there', () => {
    const run = 'instance="oc-test",command="archive"';
    expect(valuesOf(encodeMetrics(FULL))).toMatchObject({
      [`clawback_last_run_duration_seconds{${run}}`]: 90.5,
      [`clawback_last_run_exit_code{${run}}`]: 3,
      [`clawback_last_run_archived_sessions{${run},reason="model-run"}`]: 48,
      [`clawback_last_run_archived_sessions{${run},reason="protected"}`]: 0,
      [`clawback_last_run_kept_rows{${run},reason="recent"}`]: 60,
      [`clawback_last_run_kept_protected_rows{${run},reason="tombstone"}`]: 20,
      [`clawback_last_run_left_alone_sessions{${run},reason="row-changed"}`]: 2,
      [`clawback_last_run_failures{${run},code="archive-denied"}`]: 1,
      [`clawback_last_run_archived_files{${run}}`]: 361,
      [`clawback_last_run_freed_bytes{${run}}`]: 2_831_155,
      'clawback_disk_bytes{instance="oc-test",kind="transcript"}': 12_288,
      'clawback_disk_budget_bytes{instance="oc-test"}': 1_000_000,
      'clawback_disk_over_budget{instance="oc-test"}': 1,
      'clawback_archive_stored_bytes{instance="oc-test"}': 216_064,
    });
  });

  it('count every row in one class', () => {
    const rows = decodeSamples(encodeMetrics(FULL)).filter(({ name }) => name === 'clawback_rows');
    expect(Object.fromEntries(rows.map(({ labels, value }) => [labels.class, value]))).toEqual({
      protected: 40,
      tombstone: 20,
      'model-run': 30,
      ordinary: 10,
    });
  });

  it('have a sample of every metric that there is', () => {
    const collection = { command: 'gc', instance: 'oc-test', exitCode: 0, durationMs: 1 } as const;
    const collected = { ...collection, startedAt: '2026-11-21T04:31:00.000Z', deletedSessions: 3 };
    const text = encodeMetrics(collected, encodeMetrics(runReport({ ...FULL, exitCode: 0 })));
    for (const name of Object.keys(METRICS)) expect(text).toContain(`\n${name}{`);
  });

  it('without a disk budget say nothing about one', () => {
    expect(encodeMetrics(runReport())).not.toContain('budget');
  });

  it('survive labels with quotes, backslashes and line feeds', () => {
    const odd = 'a\\b"c\nd}, e="f';
    const text = encodeMetrics(runReport({ failures: { [odd]: 1 } }));
    expect(text).toContain('code="a\\\\b\\"c\\nd}, e=\\"f"} 1\n');
    const [failure] = decodeSamples(text).filter(({ name }) => name === 'clawback_last_run_failures');
    expect(failure?.labels.code).toBe(odd);
  });
});

describe('what is kept of the former file', () => {
  const former = encodeMetrics(runReport());
  const names = (text: string) => new Set(decodeSamples(text).map(({ name }) => name));

  it('after a run that failed is the last success, and what was last counted', () => {
    const now = encodeMetrics(FAILED, former);
    const values = valuesOf(now);
    const run = '{instance="oc-test",command="archive"}';
    expect(values[`clawback_last_success_timestamp_seconds${run}`]).toBe(1_795_234_590.5);
    expect(values[`clawback_last_run_timestamp_seconds${run}`]).toBe(1_795_320_901);
    expect(values[`clawback_last_run_exit_code${run}`]).toBe(1);
    expect(values['clawback_measured_timestamp_seconds{instance="oc-test"}']).toBe(1_795_234_590.5);
    expect(names(now).has('clawback_rows')).toBe(true);
    // What a run that did nothing has done: nothing is said about it.
    expect(names(now).has('clawback_last_run_archived_files')).toBe(false);
  });

  it('are the runs of the other command, while what is there is counted anew', () => {
    const reclaim = runReport({
      command: 'reclaim',
      startedAt: '2026-11-21T05:00:00.000Z',
      archive: { sessions: 124, rawBytes: 1, storedBytes: 1 },
    });
    const now = valuesOf(encodeMetrics(reclaim, former));
    expect(now['clawback_last_run_archived_files{instance="oc-test",command="archive"}']).toBe(361);
    expect(now['clawback_last_run_archived_files{instance="oc-test",command="reclaim"}']).toBe(361);
    expect(now['clawback_archive_sessions{instance="oc-test"}']).toBe(124);
  });

  it('is nothing twice, however often a run comes', () => {
    let text = former;
    for (let night = 0; night < 3; night += 1) text = encodeMetrics(runReport(), text);
    expect(text).toBe(former);
  });

  it('is nothing of an instance that has another name now', () => {
    const now = encodeMetrics(runReport({ instance: 'oc-renamed' }), former);
    expect(now).not.toContain('oc-test');
  });
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

test.skipIf(!hasPromtool)('promtool check metrics has nothing to say', () => {
  const texts = [
    encodeMetrics(runReport()),
    encodeMetrics({ ...FULL, command: 'reclaim' }, encodeMetrics(runReport())),
    encodeMetrics(FAILED),
    encodeMetrics(runReport({ failures: { 'a\\b"c\nd': 1 } })),
  ];
  for (const input of texts) {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
    });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  }
});
