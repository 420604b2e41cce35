import { ClawbackError, describe, toErrorData } from '../errors.ts';
import { exitCodeOfError } from '../exit-code.ts';
import type { ExitCode, Io } from './context.ts';

/** What the command line asked for, as far as it was understood. */
export interface Asked {
  /** Undefined before there is one. */
  readonly verb?: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly to?: string;
}

/** Says what went wrong, for people and with `--json` for programs, and returns the exit code. */
export function reportError(error: unknown, io: Io, asked: Asked): ExitCode {
  const data = toErrorData(error);
  if (asked.json)
    io.stdout.write(`${JSON.stringify({ schema: 'clawback.error/1', ...data }, undefined, 2)}\n`);
  const { code, message: msg, hint } = data;
  const stack = code !== 'internal' || error instanceof ClawbackError ? undefined : stackOf(error);
  const lines = [
    // Whoever pressed Ctrl-C need not know which call that met.
    `clawback: ${io.signal.aborted && code === 'interrupted' ? interruptedText(asked) : msg}`,
    ...[hint, stack].flatMap((more) => (more === undefined ? [] : [`  ${more}`])),
  ];
  io.log.write({ level: 'error', msg, code, hint, fields: { stack }, text: lines.join('\n') });
  return exitCodeOfError(code);
}

/** What leaves things half done that the same command completes. */
const FINISHES: ReadonlySet<string | undefined> = new Set(['archive', 'reclaim', 'gc', 'nightly', 'restore']);

function interruptedText({ verb, dryRun = false, to }: Asked): string {
  const finishes = FINISHES.has(verb) && !dryRun && to === undefined;
  return finishes ? 'interrupted; run it again: it finishes what was begun' : 'interrupted';
}

/** An unforeseen error is a bug of ours: its stack helps whoever reports it. */
function stackOf(error: unknown): string {
  return error instanceof Error && error.stack !== undefined ? error.stack : describe(error);
}
