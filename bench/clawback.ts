import { fileURLToPath } from 'node:url';
import { type Command, measure } from './measure.ts';

/** As built by `npm run build`: the very program that users run. */
const MAIN = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));

/** Two, like `zstd -T2`, so that machines with more cores print comparable tables. */
const JOBS = '2';

/** A gateway that happens to run on this machine, on its usual port, serves another store than ours. */
const OPENCLAW_GATEWAY_PORT = '28790';

/** Settings of the person who runs the benchmark must not reach what is measured. */
const OWN = /^(?:CLAWBACK|OPENCLAW|NODE|npm)_/i;

export interface ClawbackPlace {
  readonly stateDir: string;
  /** `file:///dir` or `s3://bucket/prefix`. */
  readonly archive: string;
  /** Settings and credentials beside those of the state folder. */
  readonly env?: NodeJS.ProcessEnv;
}

/** `clawback <args>` as a process of its own. */
export function clawback({ stateDir, archive, env }: ClawbackPlace, args: readonly string[]): Command {
  const inherited = Object.entries(process.env).filter(([name]) => !OWN.test(name));
  return {
    program: process.execPath,
    args: [MAIN, ...args, '--state-dir', stateDir, '--archive', archive, '--jobs', JOBS],
    env: { ...Object.fromEntries(inherited), HOME: stateDir, OPENCLAW_GATEWAY_PORT, ...env },
  };
}

export function archiveCommand(place: ClawbackPlace): Command {
  return clawback(place, ['archive', '--json']);
}

export async function clawbackJson<T>(place: ClawbackPlace, args: readonly string[]): Promise<T> {
  const { stdout } = await measure([clawback(place, [...args, '--json'])]);
  return JSON.parse(stdout) as T;
}
