import type { ErrorData } from '../errors.ts';
import type { ArchivePlan } from '../plan/plan.ts';
import type { Problem, SessionFailure } from '../report.ts';
import type { ArchiveRun } from '../runs/archive-run.ts';
import { type EvidenceWarning, evidenceWarnings } from '../status/evidence-warning.ts';
import { count, safe } from './format.ts';
import type { LogEntry } from './log.ts';

/** Sessions named for one and the same error. */
const NAMED_FAILURES = 5;

/** What tells how a run ended. */
export type RunOutcome = Pick<ArchiveRun, 'plans' | 'tally' | 'interrupted'>;

/** Why a run does not exit with 0, or can do nothing at all. Sessions are named for people only. */
export function wentWrong({ plans, tally, interrupted }: RunOutcome): LogEntry[] {
  const { filesLeft, problems, failures } = tally;
  return [
    ...unreadable(plans),
    ...filesLeft
      .filter(({ isFailure }) => isFailure)
      .map(({ name, why }) => failed(`to remove ${safe(name)}: ${why}`)),
    ...problems.map(({ what, error }) => failed(`${what}: ${error.message}`, error)),
    ...failedSessions(failures),
    ...(interrupted ? [INTERRUPTED] : []),
  ];
}

export function describeWentWrong(run: RunOutcome): string[] {
  return wentWrong(run).map(textOf);
}

export function describeProblems(problems: readonly Problem[]): string[] {
  return problems.map(({ what, error }) => textOf(failed(`${what}: ${error.message}`, error)));
}

/** What stands between the operator and a run that does anything. */
export function unreadable(plans: readonly ArchivePlan[]): LogEntry[] {
  return warningsOf(plans).map(({ source, advice: hint }) => {
    const msg = `every row is kept while this cannot be read – ${safe(source)}`;
    return { level: 'warning', msg, hint, text: `WARNING: ${msg}${hintOf({ hint })}` };
  });
}

export function describeUnreadable(plans: readonly ArchivePlan[]): string[] {
  return unreadable(plans).map(textOf);
}

/** The `warnings` of `--json`. */
export function warningsJson(plans: readonly ArchivePlan[]) {
  return warningsOf(plans).map(({ source, advice }) => ({
    text: `every row is kept while this cannot be read: ${source}`,
    advice,
  }));
}

function warningsOf(plans: readonly ArchivePlan[]): EvidenceWarning[] {
  return evidenceWarnings(plans.flatMap((plan) => plan.snapshot.activity.unreadable));
}

const INTERRUPTED: LogEntry = {
  level: 'warning',
  msg: 'interrupted: the next run finishes what was begun; nothing is lost',
};

/** One entry an error: when the bucket is gone, 500 sessions share it. */
function failedSessions(failures: readonly SessionFailure[]): LogEntry[] {
  const byError = new Map<string, [SessionFailure, ...SessionFailure[]]>();
  for (const failure of failures) {
    const text = `${failure.error.message}${hintOf(failure.error)}`;
    const group = byError.get(text);
    if (group === undefined) byError.set(text, [failure]);
    else group.push(failure);
  }
  return [...byError.values()].map((group) => {
    const { error } = group[0];
    const entry = failed(`${count(group.length, 'session')}: ${error.message}`, error);
    return { ...entry, fields: { sessions: group.length }, text: `${textOf(entry)}${namesOf(group)}` };
  });
}

function namesOf(group: readonly SessionFailure[]): string {
  const names = group
    .slice(0, NAMED_FAILURES)
    .map(({ sessionKey, sessionId }) => `\n    ${safe(sessionKey ?? sessionId)}`);
  const more =
    group.length > NAMED_FAILURES ? `\n    and ${group.length - NAMED_FAILURES} more (--json lists all)` : '';
  return `${names.join('')}${more}`;
}

function failed(what: string, error?: ErrorData): LogEntry {
  const msg = `FAILED ${what}`;
  return error === undefined ? { level: 'error', msg } : errorEntry(msg, error);
}

/** For people with what to do behind it. */
export function errorEntry(msg: string, { code, hint }: Pick<ErrorData, 'code' | 'hint'>): LogEntry {
  return { level: 'error', msg, code, hint, text: `${msg}${hintOf({ hint })}` };
}

function hintOf({ hint }: { hint?: string | undefined }): string {
  return hint === undefined ? '' : ` (${hint})`;
}

export function textOf({ msg, text }: LogEntry): string {
  return text ?? msg;
}
