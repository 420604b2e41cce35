import { type Finding, type Level, ok, problem, warning } from './check.ts';
import type { StepResult } from './probe-archive.ts';

interface StepText {
  readonly label: string;
  /** What it is when it went through and should not have, or not like this. */
  readonly wrong: string;
  /** What does not work without it. */
  readonly without: string;
  /** How bad it is to be without: `problem` where a nightly run would fail. */
  readonly level: Exclude<Level, 'ok'>;
  readonly advice: string;
}

const ASK_THE_SERVER = 'is this an object store that keeps what it is given, with nothing in between?';

const TEXTS: Readonly<Record<StepResult['name'], StepText>> = {
  write: {
    label: 'write',
    wrong: 'it stores another number of bytes than it was given',
    without: 'a run can archive nothing, and frees nothing',
    level: 'problem',
    advice: ASK_THE_SERVER,
  },
  read: {
    label: 'read back',
    wrong: 'other bytes come back than were written',
    without: 'a run frees nothing that it cannot read back, and nothing can be restored',
    level: 'problem',
    advice: ASK_THE_SERVER,
  },
  range: {
    label: 'read a range',
    wrong: 'other bytes come back than that range holds',
    without: 'no single conversation can be taken out of a pack: restore and cat fail',
    level: 'problem',
    advice: ASK_THE_SERVER,
  },
  list: {
    label: 'list',
    wrong: 'what was just written is not in the listing',
    without: 'runs, list, restore and verify do not find what is archived',
    level: 'problem',
    advice: 'the credentials need to list as well, and the store must list what it has at once',
  },
  overwrite: {
    label: 'refuse to overwrite',
    wrong: 'other bytes under a taken key are accepted (If-None-Match is not honoured)',
    without: 'two archivers that use one instance name at the same moment could overwrite each other',
    level: 'warning',
    advice: 'clawback looks before each write; give every OpenClaw an instance name of its own',
  },
  large: {
    label: 'store an object in parts',
    wrong: 'other bytes come back than were written',
    without: 'a run cannot archive what does not fit into one part of 8 MiB',
    level: 'problem',
    advice: ASK_THE_SERVER,
  },
  checksum: {
    label: 'refuse damaged bytes',
    wrong: 'bytes with a wrong x-amz-checksum-sha256 are accepted',
    without: 'damage in transit is only found by reading back',
    level: 'warning',
    advice: 'keep verify: "content"',
  },
  delete: {
    label: 'delete',
    wrong: 'what was deleted is still there',
    without:
      'what this probe wrote stays in the archive until a later one can remove it, and so do two small leases of every run; nothing else needs it',
    level: 'warning',
    advice: 'let the credentials delete below that prefix, or use --no-probe',
  },
};

export interface ProbeContext {
  readonly url: string;
  readonly verify: 'content' | 'stored';
  /** The instance, or `probe`. */
  readonly prefix: string;
}

/** One finding for all that went well, one for each step that did not, and one for those that had to be left out. */
export function stepFindings(results: readonly StepResult[], context: ProbeContext): Finding[] {
  const labels = (wanted: StepResult['state']) =>
    results.filter(({ state }) => state === wanted).map(({ name }) => TEXTS[name].label);
  const done = labels('done');
  const untried = labels('not-tried');
  const where = `${context.url}, below ${context.prefix}/doctor/`;
  return [
    ...(done.length === 0 ? [] : [ok(`${where}: ${done.join(', ')}: tried, and as it should be`)]),
    ...results.flatMap((result) => failure(result, context)),
    ...(untried.length === 0
      ? []
      : [warning(`not tried, after what failed: ${untried.join(', ')}`, 'mend that, then run doctor again')]),
  ];
}

function failure({ name, state, error }: StepResult, { url, verify }: ProbeContext): Finding[] {
  if (state === 'done' || state === 'not-tried') return [];
  const { label, wrong, without, level, advice } = TEXTS[name];
  const what =
    state === 'wrong'
      ? wrong
      : state === 'late'
        ? 'not done when the time of the probe was over (30 s in all)'
        : (error?.message ?? 'no reason is known');
  const text = `${url}: ${label}: ${what}; without it ${without}`;
  const own = name === 'checksum' && verify === 'stored' ? 'set verify to "content"' : advice;
  const hint = state === 'wrong' ? own : (error?.hint ?? own);
  // Slow is not broken: a run waits for minutes where the probe has seconds.
  const isProblem = level === 'problem' && !(name === 'large' && state === 'late');
  return [isProblem ? problem({ message: text, hint }) : warning(text, hint)];
}

const NOTICED_MS = 30_000;

/** @param aheadMs undefined where no answer has told the time. */
export function clockFinding(aheadMs: number | undefined): Finding[] {
  if (aheadMs === undefined) return [];
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const text = `this host's clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the server's`;
  if (Math.abs(aheadMs) > NOTICED_MS) {
    // No problem of a run: the SDK signs again with the server's time when it is refused.
    const what = `${text}: it decides which conversations count as old`;
    return [warning(what, 'set the clock (`timedatectl set-ntp true`)')];
  }
  return [ok("this host's clock agrees with the server's")];
}
