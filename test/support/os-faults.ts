import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Home } from '../stories/support/home.ts';
import { type CliResult, COMPILED_MAIN, runProgram } from './run-cli.ts';

/** System calls that the kernel is made to refuse. */
export interface OsFault {
  /** As strace takes it: a name, or several in one regular expression. */
  readonly calls: string;
  readonly error: 'EIO' | 'EMFILE' | 'EROFS' | 'EACCES' | 'ENOSPC' | 'EDQUOT';
  /** Only calls on this very path, or on a descriptor of it. */
  readonly path?: string;
  /** Which of them: the third, `3`; from the third on, `3+`. Each thread counts its own. @default '1' */
  readonly when?: string;
}

/** Whether strace may trace here: it is missing on some machines, and forbidden in some sandboxes. */
export function canTrace(): boolean {
  try {
    execFileSync('strace', ['-f', '-qqq', '-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO', 'true'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

/** Runs the compiled program to its end with this fault. @throws Error if no call met it. */
export async function runFaulty(home: Home, fault: OsFault, ...argv: string[]): Promise<CliResult> {
  const { calls, error, path, when = '1' } = fault;
  const log = join(home.root, 'strace.log');
  const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}:when=${when}`];
  const traced = [...inject, ...(path === undefined ? [] : ['-P', path]), process.execPath, COMPILED_MAIN];
  // One thread for all asynchronous calls: they come in the same order each time. And none go through io_uring.
  const env = { ...home.env, PATH: process.env.PATH, UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' };
  const run = await runProgram('strace', ['-f', '-qqq', '-o', log, ...traced, ...argv], env);
  expect(await readFile(log, 'utf8'), `${calls} ${path ?? ''}\n${run.text}${run.stderr}`).toMatch(/INJECTED/);
  return run;
}
