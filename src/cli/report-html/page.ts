import { createHash } from 'node:crypto';
import type { RunReport } from '../../reports/run-report.ts';
import { VERSION } from '../../version.ts';
import { count } from '../format.ts';
import { runDate } from '../report-text.ts';
import { Markup, markup } from './markup.ts';
import { headlines, newestRun } from './newest-run.ts';
import { drawPlot } from './plot.ts';
import { runsTable } from './runs-table.ts';
import { STYLE } from './style.ts';
import { trendOf } from './trend.ts';

export interface PageContent {
  /** For people; never holds a credential. */
  readonly archive: string;
  readonly instance: string;
  /** In order of time, the newest last. */
  readonly reports: readonly RunReport[];
}

/**
 * One page that needs nothing but itself: no script, and a policy that lets it load nothing. Pure: the same reports
 * make the same page.
 */
export function reportPage({ archive, instance, reports }: PageContent): string {
  const newest = reports.at(-1);
  const [oldest] = reports;
  const range =
    oldest === undefined || newest === undefined
      ? 'no runs'
      : `${count(reports.length, 'run')}, ${runDate(oldest)} to ${runDate(newest)} UTC`;
  const digest = createHash('sha256').update(STYLE).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${digest}'; img-src data:; base-uri 'none'; form-action 'none'`;
  const page = markup`<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>clawback: runs of ${instance}</title>
${Markup.style(STYLE)}
</head>
<body>
<header>
<h1>clawback: runs of <span class="instance">${instance}</span></h1>
<p class="range">${range}</p>
<p class="archive">${archive}</p>
</header>
<main>
${newest === undefined ? markup`<p>No run has left a report yet: <code>clawback archive</code> leaves one each time.</p>` : content(reports, newest)}
</main>
<footer><p>Made by clawback ${VERSION} from the reports in the archive. Bytes are 1024-based, times are UTC. It names no conversation and loads nothing.</p></footer>
</body>
</html>
`;
  return `<!doctype html>\n${page.text}`;
}

function content(reports: readonly RunReport[], newest: RunReport): Markup {
  const times = reports.map(({ startedAt }) => Date.parse(startedAt));
  const range = [Math.min(...times), Math.max(...times)] as const;
  return markup`${headlines(reports, newest)}
<section aria-labelledby="trend"><h2 id="trend">Trend</h2>
<div class="plots">${trendOf(reports).map((plot) => drawPlot(plot, range))}</div></section>
<section aria-labelledby="newest"><h2 id="newest">The newest run</h2>${newestRun(newest)}</section>
<section aria-labelledby="runs"><h2 id="runs">All runs shown</h2>${runsTable(reports)}</section>`;
}
