import type { Archive } from '../archive/archive.ts';
import { ClawbackError, toErrorData } from '../errors.ts';
import { chooseOfSubject, chooseOlder, chooseSelected, type OfSubject } from '../forget/choose.ts';
import type { SearchProgress } from '../forget/search-transcripts.ts';
import { readSubject } from '../forget/subject.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import { writeMarks } from '../marks/write-marks.ts';
import type { Problem } from '../report.ts';
import { ask, canAsk } from './confirm.ts';
import { EXIT, type ExitCode, type GlobalFlags, type Io, installationFrom, type Verb } from './context.ts';
import {
  type Choice,
  type Done,
  describeChosen,
  type ForgetFlags,
  reportForget,
  type Target,
} from './forget-text.ts';
import { count, safe } from './format.ts';
import { logEnd } from './log-end.ts';
import { readOlderThan } from './marking.ts';
import { openArchiveToRead } from './open-archive.ts';
import { withProgress } from './progress/show-progress.ts';

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
  reportForget(archive, choice, done, nowMs + installation.config.gc.graceMs, io, flags);
  const exitCode = exitCodeOf(done, choice);
  logEnd(io, flags, 'forget', {
    exitCode,
    durationMs: installation.clock.nowMs() - nowMs,
    fields: { sessions: choice.rows.length, marked: done === 'marked' },
  });
  return exitCode;
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

function exitCodeOf(done: Done, { problems }: Choice): ExitCode {
  if (done === 'nobody') return EXIT.usage;
  if (done === 'declined') return EXIT.interrupted;
  return problems.length > 0 ? EXIT.someFailed : EXIT.done;
}
