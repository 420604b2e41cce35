import { describe, expect, it } from 'vitest';
import { markup } from '../../../src/cli/report-html/markup.ts';
import { reportPage } from '../../../src/cli/report-html/page.ts';
import { trendOf } from '../../../src/cli/report-html/trend.ts';
import { nightlyReports, reportOf } from '../../support/reports.ts';

const EVIL = '"><script>alert(1)</script>&\'';
const page = (reports = nightlyReports(60)) =>
  reportPage({ archive: 's3://bucket/prefix', instance: 'oc-43fec4cb5a2a', reports });

describe('markup', () => {
  it('escapes every value, and lets markup through', () => {
    const inner = markup`<b>${'<&>"\''}</b>`;
    expect(markup`<p title="${EVIL}">${inner}${[inner, inner]}${undefined}${1}</p>`.text).toBe(
      `<p title="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;">${'<b>&lt;&amp;&gt;&quot;&#39;</b>'.repeat(3)}1</p>`,
    );
  });
});

describe('the page', () => {
  it('names instance, archive, number of runs and time range', () => {
    expect(page()).toContain('<title>clawback: runs of oc-43fec4cb5a2a</title>');
    expect(page()).toContain('s3://bucket/prefix');
    expect(page()).toMatch(/60 runs, 2026-09-2\d 04:3\d to 2026-11-21 04:3\d UTC/);
  });

  it('loads nothing and runs nothing', () => {
    expect(page()).toContain('default-src &#39;none&#39;; style-src &#39;sha256-');
    expect(page()).not.toMatch(/<script|<iframe|<img|@import|url\(|javascript:|\son[a-z]+=|style="/i);
    expect(page()).not.toMatch(/(?:src|href)="(?!data:,")/);
  });

  it('is the same for the same reports', () => expect(page()).toBe(page()));

  it('without a report says so', () => {
    expect(page([])).toContain('No run has left a report yet');
    expect(page([])).not.toContain('<figure');
  });

  it('shows whatever an archive holds as text', () => {
    const hostile = reportOf({
      tool: EVIL,
      runId: EVIL,
      failures: { [EVIL]: 1, constructor: 2 },
      keptByReason: { [EVIL]: 1, constructor: 2, toString: 1 },
      protectedKeptByReason: {},
      disk: {
        before: { files: 1, diskBytes: 1, byKind: { [EVIL]: { files: 1, diskBytes: 1 } } },
        after: { files: 1, diskBytes: 1, byKind: { constructor: { files: 1, diskBytes: 1 } } },
      },
      scope: { agents: [EVIL], unreadStores: 1 },
    });
    const text = reportPage({ archive: EVIL, instance: EVIL, reports: [hostile, hostile] });
    expect(text).not.toContain('<script');
    expect(text).not.toContain('native code');
  });

  it('is small: 60 nights take less than 200 KB, five years less than 5 MB', () => {
    expect(page().length).toBeLessThan(200_000);
    expect(page(nightlyReports(5 * 365)).length).toBeLessThan(5_000_000);
  });
});

describe('the trend', () => {
  const names = (reports = nightlyReports(60)) =>
    trendOf(reports).map(({ name, series }) => [name, series.map(({ points }) => points.length)]);

  it('has rows, disk, freed bytes and archive, a mark a run', () => {
    expect(names()).toEqual([
      ['rows', [60, 60, 60]],
      ['disk', [60, 60]],
      ['freed', [60]],
      ['archive', [60]],
    ]);
  });

  it('leaves out of rows and disk what cannot be compared with the newest run, and says so', () => {
    const reports = nightlyReports(9).map((report, index) =>
      index === 3
        ? { ...report, scope: { agents: ['ops'], unreadStores: 0 } }
        : index === 5
          ? { ...report, scope: { agents: null, unreadStores: 1 } }
          : report,
    );
    expect(names(reports)).toEqual([
      ['rows', [7, 7, 7]],
      ['disk', [7, 7]],
      ['freed', [9]],
      ['archive', [9]],
    ]);
    expect(trendOf(reports).map(({ note }) => note)).toEqual([
      expect.stringContaining('Without 2 runs'),
      expect.stringContaining('Without 2 runs'),
      undefined,
      undefined,
    ]);
  });

  it('says in words what it shows', () => {
    const [rows, , freed] = trendOf(nightlyReports(60));
    expect(rows?.label).toMatch(/^Rows, .*: all rows from [\d,]+ to [\d,]+, at most [\d,]+; protected /);
    expect(freed?.label).toContain('2 runs did not end well');
  });

  it('draws the budget where one is set', () => {
    expect(trendOf(nightlyReports(3))[1]?.limits).toEqual([{ name: 'budget, 1.0 GB', value: 2 ** 30 }]);
    expect(trendOf([reportOf()])[1]?.limits).toEqual([]);
  });
});
