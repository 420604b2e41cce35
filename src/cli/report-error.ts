import { ClawbackError, describe, toErrorData } from '../errors.ts';
import { EXIT, type ExitCode, type Io } from './context.ts';

/** Says what went wrong, for people and with `--json` for programs, and returns the exit code. */
export function reportError(error: unknown, io: Io, asJson: boolean): ExitCode {
  const data = toErrorData(error);
  if (asJson) io.stdout.write(`${JSON.stringify({ schema: 'clawback.error/1', ...data }, undefined, 2)}\n`);
  io.stderr.write(`clawback: ${data.message}${data.hint === undefined ? '' : `\n  ${data.hint}`}\n`);
  if (!(error instanceof ClawbackError)) io.stderr.write(`  ${stackOf(error)}\n`);
  return exitCodeOf(data.code);
}

function exitCodeOf(code: ReturnType<typeof toErrorData>['code']): ExitCode {
  if (code === 'interrupted') return EXIT.interrupted;
  return code === 'usage' || code === 'config-invalid' ? EXIT.usage : EXIT.failed;
}

/** An unforeseen error is a bug of ours: its stack helps whoever reports it. */
function stackOf(error: unknown): string {
  return error instanceof Error && error.stack !== undefined ? error.stack : describe(error);
}
