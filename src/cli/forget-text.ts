import type { Archive } from '../archive/archive.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import type { Problem } from '../report.ts';
import { type GlobalFlags, type Io, print } from './context.ts';
import { count, formatBytes, formatMinute, safe } from './format.ts';
import { describeRows, rowToJson } from './marking.ts';

export interface ForgetFlags {
  readonly olderThan?: string;
  readonly subject?: string;
  readonly transcripts?: boolean;
  readonly generation?: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** What the operator means by the command line. */
export type Target =
  | { readonly by: 'selector'; readonly selector: string }
  | { readonly by: 'older-than'; readonly olderThanMs: number }
  | { readonly by: 'subject'; readonly subject: string; readonly transcripts: boolean };

export interface Choice {
  readonly target: Target;
  /** What would be marked. */
  readonly rows: readonly CatalogueRow[];
  /** Of sessions that only their transcripts have brought up: how many lines name the person. */
  readonly lines: ReadonlyMap<string, number>;
  readonly alreadyForgotten: number;
  /** Chosen by age only, and pinned: they stay. */
  readonly pinned: number;
  readonly problems: readonly Problem[];
}

export type Done = 'marked' | 'dry-run' | 'nothing' | 'declined' | 'nobody';

/** What was marked, or would be, or was not. */
export function reportForget(
  archive: Archive,
  choice: Choice,
  done: Done,
  deletableFromMs: number,
  io: Io,
  flags: ForgetFlags & GlobalFlags,
): void {
  const { target, rows, lines, alreadyForgotten, pinned, problems } = choice;
  const deletableFrom = new Date(deletableFromMs).toISOString();
  const notes = notesOn(target);
  const json = {
    schema: 'clawback.forget/1',
    archive: archive.objects.url,
    instance: archive.instance,
    by: target.by,
    dryRun: done === 'dry-run',
    marked: done === 'marked',
    deletableFrom,
    sessions: rows.map((row) => ({ ...rowToJson(row), lines: lines.get(row.archive_id) ?? null })),
    alreadyForgotten,
    pinned,
    problems,
    notes,
  };
  const wrong = problems.map(
    ({ what, error }) => `could not look into ${safe(what)}: ${safe(error.message)}`,
  );
  const text = () =>
    [
      // Whoever was asked has seen them.
      ...(rows.length > 0 && !wasAsked(done, flags) ? [describeChosen(rows, lines)] : []),
      ...(alreadyForgotten > 0 ? [`forgotten already: ${count(alreadyForgotten, 'session')}`] : []),
      ...(pinned > 0 ? [`left alone, pinned: ${count(pinned, 'session')}`] : []),
      OUTCOMES[done](rows.length, `${formatMinute(deletableFrom)} UTC`),
      ...wrong.map((line) => `WARNING: ${line}; sessions in it are not among these`),
      ...notes.map((note) => `note: ${note}`),
    ].join('\n');
  print(io, flags, json, text, wrong);
  if (done !== 'nobody') return;
  const msg = 'forget: nobody is there to ask, so nothing was marked';
  const hint = 'add --yes to mark these';
  io.log.write({ level: 'error', code: 'usage', msg, hint, text: `clawback: ${msg}\n  ${hint}` });
}

function wasAsked(done: Done, { yes }: ForgetFlags): boolean {
  return done === 'declined' || (done === 'marked' && yes !== true);
}

const OUTCOMES: Readonly<Record<Done, (sessions: number, from: string) => string>> = {
  marked: (sessions, from) =>
    `forgot ${count(sessions, 'session')}: clawback unforget takes that back; from ${from} on clawback gc deletes for good`,
  'dry-run': (sessions) => `would forget ${count(sessions, 'session')}`,
  nothing: () => 'there is nothing to forget',
  declined: () => 'nothing was marked',
  nobody: () => 'nothing was marked',
};

export function describeChosen(rows: readonly CatalogueRow[], lines: ReadonlyMap<string, number>): string {
  const bytes = rows.reduce((sum, row) => sum + row.raw_bytes, 0);
  return `${describeRows(rows, lines)}\n${count(rows.length, 'session')}, ${formatBytes(bytes)}`;
}

/** What an erasure is not. */
function notesOn(target: Target): string[] {
  if (target.by !== 'subject') return [];
  return [
    target.transcripts
      ? 'transcripts were searched for the id alone: where somebody only wrote the name of the person, it is not found; flight recorders were read only where there is no transcript'
      : 'keys and rows were searched, transcripts were not: sessions in which the person only took part, such as a shared channel, are not among these; add --transcripts to read those too',
    'OpenClaw itself is not touched: delete the live rows, the routing tombstones and the transcripts of this person there',
  ];
}
