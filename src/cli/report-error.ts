import { ClawbackError, describe, toErrorData } from '../errors.ts';
import { exitCodeOfError } from '../exit-code.ts';
import type { ExitCode, Io } from './context.ts';

/** Says what went wrong, for people and with `--json` for programs, and returns the exit code. */
export function reportError(error: unknown, io: Io, asJson: boolean): ExitCode {
  const data = toErrorData(error);
  if (asJson) io.stdout.write(`${JSON.stringify({ schema: 'clawback.error/1', ...data }, undefined, 2)}\n`);
  const { code, message: msg, hint } = data;
  const stack = code !== 'internal' || error instanceof ClawbackError ? undefined : stackOf(error);
  const lines = [
    `clawback: ${msg}`,
    ...[hint, stack].flatMap((more) => (more === undefined ? [] : [`  ${more}`])),
  ];
  io.log.write({ level: 'error', msg, code, hint, fields: { stack }, text: lines.join('\n') });
  return exitCodeOfError(code);
}

/** An unforeseen error is a bug of ours: its stack helps whoever reports it. */
function stackOf(error: unknown): string {
  return error instanceof Error && error.stack !== undefined ? error.stack : describe(error);
}
