import { toErrorData } from '../errors.ts';
import { countPlans } from '../report.ts';
import { planRun } from '../runs/archive-run.ts';
import { describeCap } from '../status/cap-warning.ts';
import { type Ages, type Census, takeCensus } from '../status/census.ts';
import { describeCaps } from './archive-text.ts';
import { EXIT, installationFrom, print, type Verb } from './context.ts';
import { count, formatBytes, table } from './format.ts';
import { describeProblems, describeUnreadable, unreadable, warningsJson } from './went-wrong.ts';

export const status: Verb<object> = async (io, flags) => {
  const installation = await installationFrom(io, flags);
  const { plans, unplanned } = await planRun(installation);
  const nowMs = installation.clock.nowMs();
  const censuses = [...plans.keys()].map(({ snapshot }) =>
    takeCensus(snapshot, installation.openclaw, nowMs),
  );
  const counts = countPlans([...plans.keys()]);
  const problems = unplanned.map(({ store, error }) => ({
    what: `store ${store.id}`,
    error: toErrorData(error),
  }));
  const skipped = installation.stores
    .filter(({ state }) => state !== 'file')
    .map(({ id, state, detail }) => ({ id, state, detail }));
  const json = {
    schema: 'clawback.status/1',
    stateDir: installation.stateDir,
    archive: installation.config.archive,
    stores: censuses.map((census) => ({ ...census, warning: describeCap(census.cap) ?? null })),
    skipped,
    warnings: warningsJson([...plans.keys()]),
    problems,
    nextRun: counts,
  };
  const wentWrong = describeProblems(problems);
  const text = () => {
    const caps = describeCaps(censuses);
    const skippedLines = skipped.map(({ id, state, detail }) => `agent ${id}: skipped, ${detail ?? state}`);
    return [
      ...censuses.map(describeCensus),
      ...(caps.length > 0 ? [caps.join('\n')] : []),
      ...skippedLines,
      ...wentWrong,
      [describeNextRun(counts), ...describeUnreadable([...plans.keys()])].join('\n'),
    ].join('\n\n');
  };
  print(io, flags, json, text, [...unreadable([...plans.keys()]), ...wentWrong]);
  return problems.length === 0 ? EXIT.done : EXIT.someFailed;
};

function describeCensus(census: Census): string {
  const ages = (name: string, a: Ages) => [
    name,
    a.total,
    a.older30d,
    a.older14d,
    a.older7d,
    a.older1d,
    a.active4h,
  ];
  const kinds = Object.entries(census.byKind).filter(([, n]) => n > 0);
  const files = Object.entries(census.files);
  const { cap } = census;
  return [
    `${census.storePath}  (${formatBytes(census.storeBytes)})`,
    '',
    table([
      ['rows', 'all', '>30d', '>14d', '>7d', '>1d', '<4h'],
      ages('all', census.rows),
      ages('protected', census.protectedRows),
    ]),
    '',
    table([
      ['kind', 'rows', '>1d'],
      ...kinds.map(([kind, n]) => [kind, n, census.byKindOlder1d[kind as keyof typeof census.byKind]]),
    ]),
    ...(census.tombstones > 0
      ? [`  of these, ${count(census.tombstones, 'routing tombstone')} of archived conversations`]
      : []),
    ...(census.malformedRows > 0
      ? [
          `  ${count(census.malformedRows, 'entry', 'entries')} of the store are not rows; they are left alone`,
        ]
      : []),
    '',
    `  cap: ${count(cap.counted, 'row')} count against session.maintenance.maxEntries ${cap.maxEntries}; ${cap.protectedRows} protected ones are outside its reach`,
    '',
    table([
      ['files', 'count', 'on disk'],
      ...files.map(([kind, { files: n, diskBytes }]) => [kind, n, formatBytes(diskBytes)]),
      ['total', census.totalFiles, formatBytes(census.totalDiskBytes)],
    ]),
  ].join('\n');
}

function describeNextRun(counts: ReturnType<typeof countPlans>): string {
  const what = `${count(counts.selectedRows, 'row')} and ${count(counts.selectedFiles, 'file')}, ${formatBytes(counts.selectedBytes)}`;
  const off = counts.protectedKeptByReason['protected-off'];
  const hint =
    off === undefined
      ? ''
      : `\n  ${count(off, 'protected row')} stay: retention.protectedPruneAfter is off (set e.g. CLAWBACK_RETENTION_PROTECTED_PRUNE_AFTER=30d)`;
  const tombstones =
    counts.retiredTombstones === 0 ? '' : `, and remove ${count(counts.retiredTombstones, 'tombstone')}`;
  const would =
    counts.selectedFiles + counts.selectedRows + counts.retiredTombstones === 0
      ? 'a run now would find nothing to archive (clawback archive --dry-run says why of each row)'
      : `a run now would archive and free ${what}${tombstones} (clawback archive --dry-run shows each)`;
  return `${would}${hint}`;
}
