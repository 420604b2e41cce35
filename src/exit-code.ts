import type { ErrorCode } from './errors.ts';
import type { RunTally } from './report.ts';

/** Exit codes, as documented in docs/cli-json.md. */
export const EXIT = { done: 0, failed: 1, usage: 2, someFailed: 3, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Of a run that came to its end. */
export function exitCodeOfRun(tally: RunTally, interrupted: boolean): ExitCode {
  if (interrupted) return EXIT.interrupted;
  const { failures, problems, filesLeft } = tally;
  const isClean =
    failures.length === 0 && problems.length === 0 && filesLeft.every(({ isFailure }) => !isFailure);
  if (isClean) return EXIT.done;
  return failures.length > 0 && tally.finishedSessions === 0 ? EXIT.failed : EXIT.someFailed;
}

/** Of a run that was to free the disk: over its budget still, it has not done what it was for. */
export function exitCodeOfReclaim(tally: RunTally, interrupted: boolean, isOver: boolean): ExitCode {
  const exitCode = exitCodeOfRun(tally, interrupted);
  return exitCode === EXIT.done && isOver ? EXIT.someFailed : exitCode;
}

/** Of a command that an error ended. */
export function exitCodeOfError(code: ErrorCode): ExitCode {
  if (code === 'interrupted') return EXIT.interrupted;
  return code === 'usage' || code === 'config-invalid' ? EXIT.usage : EXIT.failed;
}
