import type { ErrorData } from '../errors.ts';
import type { Examination } from './examination.ts';

/** `problem`: a nightly run would fail. `warning`: it would run, and do less than was asked, or not for long. */
export type Level = 'ok' | 'warning' | 'problem';

export interface Finding {
  readonly level: Level;
  /** What is the case. */
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** Looks at one thing. Adding one: a function in a file, and a line in `CHECKS`. */
export type Check = (examination: Examination) => Promise<readonly Finding[]>;

export function ok(text: string): Finding {
  return { level: 'ok', text };
}

export function warning(text: string, advice: string): Finding {
  return { level: 'warning', text, advice };
}

export function problem({ message, hint }: Pick<ErrorData, 'message' | 'hint'>): Finding {
  return { level: 'problem', text: message, ...(hint === undefined ? {} : { advice: hint }) };
}
