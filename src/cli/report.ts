import type { Archive } from '../archive/archive.ts';
import { type ErrorData, toErrorData } from '../errors.ts';
import { readReports } from '../reports/report-objects.ts';
import { EXIT, installationFrom, print, type Verb, warnOfDamage } from './context.ts';
import { count } from './format.ts';
import { openArchiveToRead } from './open-archive.ts';
import { describeReports, runDate } from './report-text.ts';
import { writeOutput } from './write-output.ts';

/** Shown where nobody says how many. A page has them all. */
const DEFAULT_LAST = 10;

interface ReportFlags {
  readonly last?: number;
  readonly html?: string;
}

export const report: Verb<ReportFlags> = async (io, flags) => {
  const installation = await installationFrom(io, flags);
  const archive = await openArchiveToRead(installation, io);
  const warn = warnOfDamage(io);
  const damaged: { what: string; error: ErrorData }[] = [];
  const read = await readReports(archive, {
    last: flags.last ?? (flags.html === undefined ? DEFAULT_LAST : undefined),
    signal: io.signal,
    onDamage: (what, error) => {
      damaged.push({ what, error: toErrorData(error) });
      warn(what, error);
    },
  });
  const { reports, available } = read;
  const html = flags.html === undefined ? null : await writePage(flags.html, archive, reports);
  const { url } = archive.objects;
  const { instance } = archive;
  const json = {
    schema: 'clawback.report-list/1',
    archive: url,
    instance,
    available,
    reports,
    damaged,
    html,
  };
  print(io, flags, json, () => {
    if (html !== null) return describePage(html, reports);
    if (reports.length > 0) return describeReports(reports, available);
    return `no run has left a report in ${url} (${instance}) yet: clawback archive leaves one each time`;
  });
  return EXIT.done;
};

type Reports = Awaited<ReturnType<typeof readReports>>['reports'];

async function writePage(file: string, archive: Archive, reports: Reports): Promise<string> {
  const { reportPage } = await import('./report-html/page.ts');
  return writeOutput(file, reportPage({ archive: archive.objects.url, instance: archive.instance, reports }));
}

function describePage(path: string, reports: Reports): string {
  const [first] = reports;
  const last = reports.at(-1);
  const range =
    first === undefined || last === undefined ? '' : `, ${runDate(first)} to ${runDate(last)} (UTC)`;
  return `wrote ${path}: ${count(reports.length, 'run')}${range}`;
}
