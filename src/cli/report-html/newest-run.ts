import { byCount, commandOf, doneOf, endedWell, failuresOf, outcomeOf } from '../../reports/outcome.ts';
import type { RunReport } from '../../reports/run-report.ts';
import { count, formatAge, formatBytes, formatCount } from '../format.ts';
import { describeScope, reasonText, runDate } from '../report-text.ts';
import { type Markup, markup } from './markup.ts';

/** What somebody wants to know first. */
export function headlines(reports: readonly RunReport[], newest: RunReport): Markup {
  const { rows, disk, archive } = newest;
  const bad = reports.filter((report) => !endedWell(report)).length;
  const freed = reports.reduce((sum, report) => sum + doneOf(report, 'freedBytes'), 0);
  return markup`<dl class="headlines">
${tile('Newest run', outcomeOf(newest), `${runDate(newest)}, took ${formatAge(newest.durationMs)}`, endedWell(newest) ? 'well' : 'bad')}
${tile('Disk', formatBytes(disk.after.diskBytes), `${count(disk.after.files, 'file')} in the sessions folders`)}
${tile('Rows', formatCount(rows.after.total), `${formatCount(rows.after.protected)} protected, ${formatCount(rows.after.tombstones)} of these tombstones`)}
${tile('Freed', formatBytes(freed), `by ${count(reports.length, 'run')}`)}
${tile('Archive', formatBytes(archive.storedBytes), `${count(archive.sessions, 'session')}, ${formatBytes(archive.rawBytes)} as they were`)}
${tile('Did not end well', String(bad), `of ${formatCount(reports.length)}`, bad === 0 ? 'well' : 'bad')}
</dl>`;
}

function tile(name: string, value: string, more: string, state = ''): Markup {
  return markup`<div><dt>${name}</dt><dd class="value ${state}">${value}</dd><dd class="more">${more}</dd></div>`;
}

/** Reasons, failures and kinds of files of one run. */
export function newestRun(report: RunReport): Markup {
  const failures = failuresOf(report);
  return markup`
<p>${runDate(report)} UTC, <code>clawback ${commandOf(report)}</code>, run <code>${report.runId}</code>: ${outcomeOf(report)}${failures === '' ? '' : ` – ${failures}`}.</p>
${describeScope(report).map((text) => markup`<p class="note">Note: ${text}.</p>`)}
<div class="details">
${reasonsTable(report)}
${diskTable(report)}
</div>`;
}

function reasonsTable({ keptByReason, protectedKeptByReason }: RunReport): Markup {
  const protectedOf = new Map(Object.entries(protectedKeptByReason));
  const rows = byCount(keptByReason).map(
    ([reason, n]) =>
      markup`<tr><th scope="row">${reasonText(reason)}</th><td class="n">${formatCount(n)}</td><td class="n">${formatCount(protectedOf.get(reason) ?? 0)}</td></tr>
`,
  );
  return markup`<div><h3 id="kept">Rows kept, and why</h3><div class="scroll" role="region" aria-labelledby="kept" tabindex="0"><table>
<thead><tr><th scope="col">Reason</th><th scope="col" class="n">all</th><th scope="col" class="n">protected</th></tr></thead>
<tbody>${rows.length === 0 ? markup`<tr><td colspan="3">none</td></tr>` : rows}</tbody></table></div></div>`;
}

type Use = Pick<RunReport['disk']['after'], 'files' | 'diskBytes'>;

const NO_FILES: Use = { files: 0, diskBytes: 0 };

function diskTable({ disk }: RunReport): Markup {
  const before = new Map<string, Use>(Object.entries(disk.before.byKind));
  const after = new Map<string, Use>(Object.entries(disk.after.byKind));
  const kinds = [...new Set([...before.keys(), ...after.keys()])].map((kind) => ({
    kind,
    before: before.get(kind) ?? NO_FILES,
    after: after.get(kind) ?? NO_FILES,
  }));
  kinds.sort((a, b) => largest(b) - largest(a));
  return markup`<div><h3 id="kinds">Disk by kind of file</h3><div class="scroll" role="region" aria-labelledby="kinds" tabindex="0"><table>
<thead><tr><th scope="col" rowspan="2">Kind</th><th scope="colgroup" colspan="2">before</th><th scope="colgroup" colspan="2">after</th></tr>
<tr><th scope="col" class="n">files</th><th scope="col" class="n">bytes</th><th scope="col" class="n">files</th><th scope="col" class="n">bytes</th></tr></thead>
<tbody>${kinds.map((one) => diskRow(one.kind, one.before, one.after))}</tbody>
<tfoot>${diskRow('all', disk.before, disk.after)}</tfoot></table></div></div>`;
}

function largest({ before, after }: { readonly before: Use; readonly after: Use }): number {
  return Math.max(before.diskBytes, after.diskBytes);
}

function diskRow(name: string, ...uses: readonly Use[]): Markup {
  const cells = uses.map(
    ({ files, diskBytes }) =>
      markup`<td class="n">${formatCount(files)}</td><td class="n">${formatBytes(diskBytes)}</td>`,
  );
  return markup`<tr><th scope="row">${name}</th>${cells}</tr>
`;
}
