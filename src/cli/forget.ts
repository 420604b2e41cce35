import type { Archive } from '../archive/archive.ts';
import { ClawbackError, type ErrorData, toErrorData } from '../errors.ts';
import { chooseOfSubject, chooseOlder, chooseSelected, type OfSubject } from '../forget/choose.ts';
import type { SearchProgress } from '../forget/search-transcripts.ts';
import { readSubject } from '../forget/subject.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import { writeMarks } from '../marks/write-marks.ts';
import { ask, canAsk } from './confirm.ts';
import {
  EXIT,
  type ExitCode,
  type GlobalFlags,
  type Io,
  installationFrom,
  print,
  type Verb,
} from './context.ts';
import { count, formatBytes, formatMinute, safe } from './format.ts';
import { describeRows, readOlderThan, rowToJson } from './marking.ts';
import { openArchiveToRead } from './open-archive.ts';
import { withProgress } from './progress/show-progress.ts';

interface ForgetFlags {
  readonly olderThan?: string;
  readonly subject?: string;
  readonly transcripts?: boolean;
  readonly generation?: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** What the operator means by the command line. */
type Target =
  | { readonly by: 'selector'; readonly selector: string }
  | { readonly by: 'older-than'; readonly olderThanMs: number }
  | { readonly by: 'subject'; readonly subject: string; readonly transcripts: boolean };

interface Problem {
  readonly what: string;
  readonly error: ErrorData;
}

interface Choice {
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

type Done = 'marked' | 'dry-run' | 'nothing' | 'declined' | 'nobody';

export const forget: Verb<ForgetFlags> = async (io, flags, selector = '') => {
  const target = targetOf(flags, selector);
  const installation = await installationFrom(io, flags);
  const archive = await openArchiveToRead(installation, io);
  const nowMs = installation.clock.nowMs();
  const choice = await withProgress(io, flags, 'forget', (show) => {
    const onProgress = ({ filesDone: done, filesTotal: total, ...bytes }: SearchProgress) =>
      show({ unit: 'transcripts', done, total, ...bytes });
    return choose(archive, target, { flags, io, nowMs, onProgress });
  });
  const done = await decide(choice, flags, io);
  if (done === 'marked') {
    const archiveIds = choice.rows.map((row) => row.archive_id);
    await writeMarks(archive, await archive.marks({ signal: io.signal }), 'forget', archiveIds, nowMs);
  }
  report(archive, choice, done, nowMs + installation.config.gc.graceMs, io, flags);
  return exitCodeOf(done, choice);
};

function targetOf(
  { olderThan, subject, transcripts = false, generation }: ForgetFlags,
  selector: string,
): Target {
  const given = [selector !== '', olderThan !== undefined, subject !== undefined].filter(Boolean).length;
  if (given !== 1) {
    throw new ClawbackError(
      'usage',
      `forget: ${given === 0 ? 'nothing says what' : 'more than one thing says what'}`,
      {
        hint: 'name a conversation, or give --older-than DURATION, or --subject USER-ID',
      },
    );
  }
  if (selector === '' && generation !== undefined) {
    throw new ClawbackError('usage', 'forget: --generation is about one conversation', {
      hint: 'name the conversation as well',
    });
  }
  if (transcripts && subject === undefined) {
    throw new ClawbackError('usage', 'forget: --transcripts says nothing about whom to look for', {
      hint: 'give --subject USER-ID as well',
    });
  }
  if (olderThan !== undefined) return { by: 'older-than', olderThanMs: readOlderThan(olderThan) };
  if (subject !== undefined) return { by: 'subject', subject: readSubject(subject), transcripts };
  return { by: 'selector', selector };
}

interface ChooseOptions {
  readonly flags: ForgetFlags & GlobalFlags;
  readonly io: Io;
  readonly nowMs: number;
  readonly onProgress: (progress: SearchProgress) => void;
}

/** @throws {ClawbackError} `pinned` where something that was named is; nothing is marked then. */
async function choose(
  archive: Archive,
  target: Target,
  { flags: { agent, generation }, io: { signal }, nowMs, onProgress }: ChooseOptions,
): Promise<Choice> {
  const problems: Problem[] = [];
  const onDamage = (what: string, error: ClawbackError) =>
    void problems.push({ what, error: toErrorData(error) });
  const options = { onDamage, signal };
  const [rows, marks] = await Promise.all([archive.catalogue(options), archive.marks({ signal })]);
  const { rows: chosen, lines } = await chosenBy(archive, rows);
  const isPinned = ({ archive_id: id }: CatalogueRow) => marks.isPinned(id);
  if (target.by !== 'older-than') assertNonePinned(chosen.filter(isPinned));
  const free = chosen.filter((row) => !isPinned(row));
  const fresh = free.filter((row) => !marks.isForgotten(row.archive_id));
  return {
    target,
    rows: fresh,
    lines,
    alreadyForgotten: free.length - fresh.length,
    pinned: chosen.length - free.length,
    problems,
  };

  async function chosenBy(of: Archive, all: readonly CatalogueRow[]): Promise<OfSubject> {
    if (target.by === 'subject') {
      const isLeftOut = (id: string) => marks.isForgotten(id);
      return chooseOfSubject(of, all, { ...target, agentIds: agent, isLeftOut, ...options, onProgress });
    }
    const found =
      target.by === 'older-than'
        ? chooseOlder(all, target.olderThanMs, agent, nowMs)
        : await chooseSelected(of, all, target.selector, agent, generation, options);
    return { rows: found, lines: new Map() };
  }
}

function assertNonePinned(pinned: readonly CatalogueRow[]): void {
  if (pinned.length === 0) return;
  const ids = pinned.map((row) => row.archive_id).join(', ');
  throw new ClawbackError('pinned', `forget ${ids}: pinned; nothing was marked`, {
    hint: `unpin first: clawback unpin ${pinned[0]?.archive_id}`,
  });
}

async function decide(
  { target, rows, lines, problems }: Choice,
  flags: ForgetFlags & GlobalFlags,
  io: Io,
): Promise<Done> {
  if (flags.dryRun) return 'dry-run';
  if (rows.length === 0) return 'nothing';
  if (flags.yes) return 'marked';
  if (!canAsk(io)) return 'nobody';
  io.log.text(`${describeChosen(rows, lines)}\n`);
  for (const { what, error } of problems)
    io.log.text(`could not look into ${safe(what)}: ${error.message}\n`);
  const asWhat = target.by === 'selector' ? '' : ` (${target.by})`;
  return (await ask(io, `Forget ${count(rows.length, 'session')}${asWhat}?`)) ? 'marked' : 'declined';
}

function wasAsked(done: Done, { yes }: ForgetFlags): boolean {
  return done === 'declined' || (done === 'marked' && yes !== true);
}

function exitCodeOf(done: Done, { problems }: Choice): ExitCode {
  if (done === 'nobody') return EXIT.usage;
  if (done === 'declined') return EXIT.interrupted;
  return problems.length > 0 ? EXIT.someFailed : EXIT.done;
}

function report(
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

const OUTCOMES: Readonly<Record<Done, (sessions: number, from: string) => string>> = {
  marked: (sessions, from) =>
    `forgot ${count(sessions, 'session')}: clawback unforget takes that back; from ${from} on clawback gc deletes for good`,
  'dry-run': (sessions) => `would forget ${count(sessions, 'session')}`,
  nothing: () => 'there is nothing to forget',
  declined: () => 'nothing was marked',
  nobody: () => 'nothing was marked',
};

function describeChosen(rows: readonly CatalogueRow[], lines: ReadonlyMap<string, number>): string {
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
