import type { Thaw } from '../thaw/thaw.ts';
import { EXIT, type ExitCode, type GlobalFlags, type Io } from './context.ts';
import { thawJson } from './thaw-text.ts';

export interface ColdRefusal {
  readonly io: Io;
  readonly flags: GlobalFlags;
  readonly found: Thaw;
  readonly message: string;
  /** For people: what is cold, what a thaw costs and takes, what to type. */
  readonly lines: readonly string[];
  /** For programs: what to type. */
  readonly hint: string;
}

/** The error `object-cold`, with all that helps to decide. */
export function refuseCold({ io, flags, found, message, lines, hint }: ColdRefusal): ExitCode {
  const error = { schema: 'clawback.error/1', code: 'object-cold', message, retryable: false, hint };
  if (flags.json) io.stdout.write(`${JSON.stringify({ ...error, thaw: thawJson(found) }, undefined, 2)}\n`);
  const text = `clawback: ${[message, ...lines].join('\n  ')}`;
  io.log.write({ level: 'error', msg: message, code: 'object-cold', hint, text });
  return EXIT.failed;
}
