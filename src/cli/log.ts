import type { Clock } from '../clock.ts';
import type { ErrorCode } from '../errors.ts';
import { type Terminal, terminalOf } from './terminal.ts';

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export const LOG_FORMAT_VARIABLE = 'CLAWBACK_LOG_FORMAT';
const FLAG = '--log-format';

/** One thing to say on standard error. Names no conversation, except in `text`. */
export interface LogEntry {
  readonly level: 'info' | 'warning' | 'error';
  readonly msg: string;
  readonly code?: ErrorCode | undefined;
  readonly hint?: string | undefined;
  readonly fields?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** What people read; null: nothing. @default msg */
  readonly text?: string | null;
}

export interface LogTarget {
  readonly stderr: NodeJS.WritableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** The one way to standard error: text for people, or with `--log-format json` one object a line for journald and the like. */
export class Log {
  readonly format: LogFormat;
  /** Undefined where nobody looks at a screen: a pipe, a dumb terminal, JSON. */
  readonly terminal: Terminal | undefined;
  readonly #target: LogTarget;
  #status = '';

  constructor(target: LogTarget, format: LogFormat) {
    this.#target = target;
    this.format = format;
    this.terminal = format === 'json' ? undefined : terminalOf(target.stderr, target.env);
  }

  write(entry: LogEntry): void {
    if (this.format === 'json') this.#target.stderr.write(`${this.#json(entry)}\n`);
    else if (entry.text !== null) this.text(`${entry.text ?? entry.msg}\n`);
  }

  /** As it is, and only for people: whoever calls this says it in JSON otherwise. */
  text(text: string): void {
    if (this.format === 'json') return;
    const status = this.#status;
    this.status('');
    this.#target.stderr.write(text);
    this.status(status);
  }

  /** On a terminal: a last line that takes the place of the one before, and gives way to whatever is written. Empty: none. */
  status(line: string): void {
    if (this.terminal === undefined || line === this.#status) return;
    this.#target.stderr.write(this.terminal.replaceLine(line));
    this.#status = line;
  }

  #json({ level, msg, code, hint, fields }: LogEntry): string {
    const time = new Date(this.#target.clock.nowMs()).toISOString();
    return JSON.stringify({ time, level, msg, code, hint, ...fields });
  }
}

/**
 * Before the command line is parsed: what is wrong with it is said in this format too. A value that is not allowed
 * is refused later, in text.
 */
export function logFormatOf(argv: readonly string[], env: LogTarget['env']): LogFormat {
  const end = argv.indexOf('--');
  const flags = end < 0 ? argv : argv.slice(0, end);
  const given = flags.findLast((word, at) => flags[at - 1] === FLAG || word.startsWith(`${FLAG}=`));
  const format = given?.replace(`${FLAG}=`, '') ?? env[LOG_FORMAT_VARIABLE];
  return format === 'json' ? 'json' : 'text';
}
