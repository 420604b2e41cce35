import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { reportPage } from '../../src/cli/report-html/page.ts';
import type { RunReport } from '../../src/reports/run-report.ts';
import { nightlyReports, reportOf } from '../support/reports.ts';
import { CHROMIUM_ARGS, findChromium } from './support/chromium.ts';
import { DAY_MS, Home, temporaryFolder } from './support/home.ts';
import { probeContrast, probeLayout, probePlots, probeTable } from './support/page-probes.mjs';
import { writeThreadStore } from './support/rooms.ts';
import { oldThread, TRIM } from './support/trimmed.ts';

const executablePath = await findChromium();
const NIGHTS = 60;

interface View {
  readonly width: number;
  readonly colorScheme: 'light' | 'dark';
}

const VIEWS: readonly View[] = [400, 1200].flatMap((width) => [
  { width, colorScheme: 'light' as const },
  { width, colorScheme: 'dark' as const },
]);

/** What a cell of the table shows, found in a report by the cell's own path. */
function valueAt(report: RunReport, field: string): number {
  let value: unknown = report;
  for (const part of field.split('.')) value = (value as Record<string, unknown>)[part];
  if (typeof value === 'number') return value;
  return Object.values(value as Record<string, number>).reduce((sum, n) => sum + n, 0);
}

describe.skipIf(executablePath === undefined)('the page of clawback report --html, in Chromium', () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: CHROMIUM_ARGS });
    folder = await temporaryFolder();
  });
  afterAll(() => browser?.close());

  /** Opens a page that may ask for nothing but itself and complain of nothing. */
  async function openFile(path: string, { width, colorScheme }: View): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    onTestFinished(() => page.close());
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => void requests.push(request.url()));
    page.on('console', (message) => void complaints.push(message.text()));
    page.on('pageerror', (error) => void complaints.push(String(error)));
    const url = pathToFileURL(path).href;
    await page.goto(url, { waitUntil: 'networkidle' });
    expect(requests).toEqual([url]);
    expect(complaints).toEqual([]);
    return page;
  }

  async function open(reports: readonly RunReport[], view: View = { width: 1200, colorScheme: 'light' }) {
    const path = join(folder, `${reports.length}-${view.width}-${view.colorScheme}.html`);
    const { instance } = reportOf();
    await writeFile(path, reportPage({ archive: 's3://bucket/prefix', instance, reports }));
    return openFile(path, view);
  }

  test('shows title, instance and time range', async () => {
    const page = await open(nightlyReports(NIGHTS));
    expect(await page.title()).toBe('clawback: runs of oc-43fec4cb5a2a');
    expect(await page.locator('h1').innerText()).toBe('clawback: runs of oc-43fec4cb5a2a');
    expect(await page.locator('.range').innerText()).toMatch(
      /^60 runs, 2026-09-2\d .* to 2026-11-21 .* UTC$/,
    );
  });

  test('plots a mark a run for every series, each where its value belongs, with a title', async () => {
    const reports = nightlyReports(NIGHTS);
    const plots = await (await open(reports)).evaluate(probePlots);
    expect(
      plots.map(({ name, series, flags }) => [name, series.map((marks) => marks.length), flags]),
    ).toEqual([
      ['rows', [NIGHTS, NIGHTS, NIGHTS], 0],
      ['disk', [NIGHTS, NIGHTS], 0],
      ['freed', [NIGHTS], 2],
      ['archive', [NIGHTS], 0],
    ]);
    for (const marks of plots.flatMap(({ series }) => series)) {
      // Time goes to the right.
      const middles = marks.map(({ middle }) => middle);
      expect(middles).toEqual(middles.toSorted((a, b) => a - b));
      for (const [index, { title }] of marks.entries())
        expect(title).toContain(reports[index]?.startedAt.slice(0, 16).replace('T', ' '));
    }
    // And more is higher up.
    const total = (index: number) => reports[index]?.rows.after.total ?? 0;
    const [marks = []] = plots[0]?.series ?? [];
    for (let index = 1; index < NIGHTS; index += 1) {
      const climbed = total(index) - total(index - 1);
      const up = (marks[index - 1]?.top ?? 0) - (marks[index]?.top ?? 0);
      if (Math.abs(climbed) > 5) expect(Math.sign(up), `night ${index}`).toBe(Math.sign(climbed));
    }
  });

  test('says all of it in its table', async () => {
    const reports = nightlyReports(NIGHTS);
    const rows = await (await open(reports)).evaluate(probeTable);
    const newestFirst = reports.toReversed();
    expect(rows.map(({ runId }) => runId)).toEqual(newestFirst.map(({ runId }) => runId));
    expect(rows.map(({ startedAt }) => startedAt)).toEqual(newestFirst.map(({ startedAt }) => startedAt));
    for (const [index, { cells }] of rows.entries()) {
      expect(cells.length).toBeGreaterThan(15);
      for (const { field, value, text } of cells) {
        expect(value, field).toBe(valueAt(newestFirst[index] ?? reportOf(), field));
        expect(text).toMatch(/^[\d,.]+( [KMGT]?B)?$/);
      }
    }
  });

  test('has what a screen reader needs', async () => {
    const page = await open(nightlyReports(NIGHTS));
    const images = page.getByRole('img');
    expect(await images.count()).toBe(4);
    for (const label of await images.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label'))))
      expect(label).toMatch(/: .*from .* to .*The table of the runs below has every value\.$/);
    expect(await page.getByRole('region', { name: 'Table of the runs' }).count()).toBe(1);
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await page.locator('table.runs thead th:not([scope])').count()).toBe(0);
  });

  test.each(VIEWS)(
    'fits $width px in $colorScheme: nothing overflows, no label covers another',
    async (view) => {
      for (const reports of [nightlyReports(NIGHTS), nightlyReports(1), nightlyReports(400)]) {
        const page = await open(reports, view);
        const found = await page.evaluate(probeLayout);
        expect(found).toMatchObject({ overflowPx: 0, outside: [] });
        for (const labels of found.labels) {
          expect(labels.length).toBeGreaterThan(3);
          expect(labels.filter(({ isInside }) => !isInside)).toEqual([]);
          for (const [index, a] of labels.entries())
            for (const b of labels.slice(index + 1)) {
              const meet = a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
              expect(meet, `${a.text} and ${b.text}`).toBe(false);
            }
        }
      }
    },
  );

  test.each(VIEWS)('can be read at $width px in $colorScheme', async (view) => {
    const page = await open(nightlyReports(NIGHTS), view);
    const colours = await page.evaluate(probeContrast);
    expect(colours.back.every((part) => (view.colorScheme === 'dark' ? part < 60 : part > 200))).toBe(true);
    expect(colours.texts.length).toBeGreaterThan(500);
    expect(colours.texts.filter(({ contrast }) => contrast < 4.5)).toEqual([]);
    expect(colours.marks.length).toBeGreaterThan(NIGHTS);
    expect(Math.min(...colours.marks)).toBeGreaterThan(3);
  });

  test('of a real archive shows what --json says', async () => {
    const home = await Home.create({ settings: TRIM });
    await writeThreadStore(home.storePath(), { main: [oldThread(home)] });
    for (let night = 0; night < 3; night += 1) {
      await home.json('archive');
      home.nowMs += DAY_MS;
    }
    const path = join(home.root, 'report.html');
    const { reports } = await home.json<{ reports: RunReport[] }>('report', '--html', path);
    const page = await openFile(path, { width: 1200, colorScheme: 'light' });
    const rows = await page.evaluate(probeTable);
    expect(rows.map(({ runId }) => runId)).toEqual(reports.map(({ runId }) => runId).reverse());
    const [first = reportOf()] = reports;
    expect(first.done.protectedRowsTrimmed).toBe(1);
    for (const { field, value } of rows.at(-1)?.cells ?? []) expect(value, field).toBe(valueAt(first, field));
    expect(
      (await page.evaluate(probePlots)).map(({ series }) => series.map((marks) => marks.length)),
    ).toEqual([[3, 3, 3], [3, 3], [3], [3]]);
  });

  test('without a run says so', async () => {
    expect(await (await open([])).locator('main').innerText()).toContain('No run has left a report yet');
  });
});
