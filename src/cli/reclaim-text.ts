import type { DiskUse } from '../disk/measure-disk.ts';
import type { Held } from '../plan/held.ts';
import type { ReclaimStep } from '../plan/reclaim-steps.ts';
import type { DiskBudget, StepPlan } from '../runs/reclaim-plan.ts';
import type { ReclaimRun } from '../runs/reclaim-run.ts';
import { ROAD_TEXTS } from './archive-text.ts';
import { count, formatBytes, table } from './format.ts';

const STEP_TEXTS: Readonly<Record<ReclaimStep, string>> = {
  temporaries: 'half-written copies of sessions.json, older than an hour',
  copies: 'what the archive holds already',
  orphans: 'files that no row references',
  trajectories: 'flight recorders of idle conversations (transcripts stay)',
  protected: 'protected conversations, trimmed to their routing',
};

export function describeUse({ files, diskBytes }: DiskUse): string {
  return `${formatBytes(diskBytes)} in ${count(files, 'file')}`;
}

function describeBudget(use: DiskUse, { maxDiskBytes, highWaterBytes }: DiskBudget): string {
  const verdict = use.diskBytes > maxDiskBytes ? 'over the budget of' : 'within the budget of';
  return `the sessions folders hold ${describeUse(use)}, ${verdict} ${formatBytes(maxDiskBytes)} (high water ${formatBytes(highWaterBytes)})`;
}

function describeKinds({ byKind }: DiskUse): string {
  const kinds = Object.entries(byKind).sort(([, a], [, b]) => b.diskBytes - a.diskBytes);
  return table([
    ['kind', 'files', 'on disk'],
    ...kinds.map(([kind, { files, diskBytes }]) => [kind, files, formatBytes(diskBytes)]),
  ]);
}

function describeHeld(held: readonly Held[]): string[] {
  if (held.length === 0) return [];
  const rows = held.map(({ text, files, diskBytes }) => [formatBytes(diskBytes), count(files, 'file'), text]);
  return ['what is left, and why', table(rows)];
}

export function describeReclaimPlan(
  use: DiskUse,
  budget: DiskBudget,
  steps: readonly StepPlan<unknown>[],
  held: readonly Held[],
): string[] {
  const bytes = steps.reduce((sum, { diskBytes }) => sum + diskBytes, 0);
  const left = use.diskBytes - bytes;
  return [
    describeBudget(use, budget),
    describeKinds(use),
    ...(steps.length === 0
      ? []
      : [
          `would free ${formatBytes(bytes)}`,
          table(steps.map((step) => [formatBytes(step.diskBytes), numbers(step), STEP_TEXTS[step.step]])),
        ]),
    ...(left > budget.maxDiskBytes
      ? [`and still be over the budget, by ${formatBytes(left - budget.maxDiskBytes)}`, ...describeHeld(held)]
      : []),
  ];
}

function numbers({ chosen, files }: StepPlan<unknown>): string {
  return chosen.length === 0
    ? count(files, 'file')
    : `${count(files, 'file')} of ${count(chosen.length, 'session')}`;
}

export function describeReclaim(run: ReclaimRun, budget: DiskBudget): string[] {
  const { before, after, steps, held, tally, opened } = run;
  const { counts } = tally;
  const archived = `archived to ${opened?.archiveUrl} as ${opened?.instance}, run ${opened?.runId}: ${count(counts.filesArchived, 'file')}, ${formatBytes(counts.rawBytes)}, stored in ${formatBytes(counts.storedBytes)}`;
  return [
    describeBudget(before, budget),
    describeKinds(before),
    ...(counts.filesArchived === 0 ? [] : [archived]),
    ...(counts.filesReclaimed === 0
      ? []
      : [`${count(counts.filesReclaimed, 'file')} removed here, ${formatBytes(counts.freedBytes)} freed`]),
    ...(steps.length === 0
      ? []
      : [
          table(
            steps.map(({ step, freedBytes, files, sessions }) => [
              formatBytes(freedBytes),
              sessions === 0
                ? count(files, 'file')
                : `${count(files, 'file')} of ${count(sessions, 'session')}`,
              STEP_TEXTS[step],
            ]),
          ),
          `now ${describeUse(after)}`,
        ]),
    ...(opened === undefined || opened.road.name === 'direct'
      ? []
      : [`${ROAD_TEXTS[opened.road.name]}: ${opened.road.why}`]),
    ...(after.diskBytes > budget.highWaterBytes && after.diskBytes <= budget.maxDiskBytes && steps.length > 0
      ? ['below the budget, and not down to high water: nothing else may go']
      : []),
    ...describeHeld(held),
  ];
}

export function stepJson({ step, chosen, files, diskBytes }: StepPlan<unknown>) {
  return { step, sessions: chosen.length, files, plannedBytes: diskBytes };
}
