import { createInterface } from 'node:readline/promises';
import type { Io } from './context.ts';

/** Whether somebody sits at a terminal. A question is no line of a log. */
export function canAsk({ log }: Io): boolean {
  return process.stdin.isTTY === true && log.format !== 'json';
}

/** Asks on standard error. Anything but a yes is a no. */
export async function ask(io: Io, question: string): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: io.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim());
  } finally {
    prompt.close();
  }
}
