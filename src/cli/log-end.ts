import { EXIT, type ExitCode, type GlobalFlags, type Io } from './context.ts';
import type { LogEntry } from './log.ts';

export interface Ending {
  readonly exitCode: ExitCode;
  readonly durationMs: number;
  /** What it counted. */
  readonly fields: LogEntry['fields'];
}

/** How a command ended that tells how far it is. In a log in JSON only: the report is there for people. */
export function logEnd(
  { log }: Io,
  { quiet }: GlobalFlags,
  command: string,
  { exitCode, durationMs, fields }: Ending,
): void {
  if (quiet) return;
  const level = exitCode === EXIT.done ? 'info' : 'error';
  log.write({ level, msg: `${command} ended`, fields: { exitCode, durationMs, ...fields }, text: null });
}
