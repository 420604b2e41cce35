import { EXIT } from '../exit-code.ts';
import type { RunReport } from './run-report.ts';

const WORDS: Readonly<Record<number, string>> = {
  [EXIT.done]: 'done',
  [EXIT.failed]: 'failed',
  [EXIT.usage]: 'failed',
  [EXIT.someFailed]: 'partly failed',
  [EXIT.interrupted]: 'interrupted',
};

/** How a run ended, in words: `done`, `partly failed, still over budget`. */
export function outcomeOf({ exitCode, interrupted, budget, failures, filesNotRemoved }: RunReport): string {
  const hasFailures = Object.keys(failures).length > 0 || (filesNotRemoved ?? 0) > 0;
  const isOver = budget?.isOver ?? false;
  if (interrupted) return 'interrupted';
  // Over its budget is an exit code of its own, and no failure.
  if (isOver && exitCode === EXIT.someFailed && !hasFailures) return 'still over budget';
  const words = WORDS[exitCode] ?? `exit code ${exitCode}`;
  return isOver ? `${words}, still over budget` : words;
}

/** `archive`, `archive --agent ops`. */
export function commandOf({ command, scope }: RunReport): string {
  return [command, ...(scope?.agents ?? []).map((id) => `--agent ${id}`)].join(' ');
}

export function endedWell({ exitCode }: RunReport): boolean {
  return exitCode === EXIT.done;
}

/** `archive-unreachable 3, files not removed 2`; empty without any. */
export function failuresOf({ failures, filesNotRemoved = 0 }: RunReport): string {
  const codes = Object.entries(failures).map(([code, n]) => `${code} ${n}`);
  return [...codes, ...(filesNotRemoved > 0 ? [`files not removed ${filesNotRemoved}`] : [])].join(', ');
}

/** A count of what was done; reports of other releases and commands may not have it. */
export function doneOf({ done }: RunReport, name: string): number {
  return done[name] ?? 0;
}

export function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}

/** Most first. */
export function byCount(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).sort((a, b) => b[1] - a[1]);
}
