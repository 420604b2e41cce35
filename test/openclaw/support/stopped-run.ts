import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CLAWBACK_MAIN } from './clawback.ts';
import type { OpenClawHome } from './home.ts';

/** A run of the program that stands still between its plan and its commit. */
export interface StoppedRun {
  /** Lets it go on, and returns what it printed as JSON when it is over. */
  resume<T>(): Promise<T>;
}

const LOOK_EVERY_MS = 1;

/**
 * Starts `clawback <args> --json` and stops the process as soon as the first bytes of a pack are in the folder
 * archive: all is planned, and nothing can be committed before the pack is proven and its manifest written.
 * @throws Error if it is over by then.
 */
export async function stopBeforeCommit(
  home: OpenClawHome,
  archiveDir: string,
  args: readonly string[],
): Promise<StoppedRun> {
  const child = spawn(process.execPath, [CLAWBACK_MAIN, ...args, '--json'], {
    cwd: home.root,
    env: home.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close');
  while (!hasPack(archiveDir)) {
    if (child.exitCode !== null) throw new Error(`stop clawback ${args.join(' ')}: it is over\n${output}`);
    await delay(LOOK_EVERY_MS);
  }
  child.kill('SIGSTOP');
  return { resume: <T>() => resume<T>(child, ended, () => output) };
}

function hasPack(archiveDir: string): boolean {
  if (!existsSync(archiveDir)) return false;
  return readdirSync(archiveDir).some((instance) => {
    const packs = join(archiveDir, instance, 'packs');
    return existsSync(packs) && readdirSync(packs).length > 0;
  });
}

async function resume<T>(child: ChildProcess, ended: Promise<unknown[]>, output: () => string): Promise<T> {
  child.kill('SIGCONT');
  await ended;
  if (child.exitCode !== 0) throw new Error(`clawback: exit ${child.exitCode}\n${output()}`);
  return JSON.parse(output()) as T;
}
