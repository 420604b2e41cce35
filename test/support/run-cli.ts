import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { run } from '../../src/cli/run.ts';
import type { Clock } from '../../src/clock.ts';
import type { LeaseTimes } from '../../src/leases/lease-times.ts';
import type { Environment } from '../../src/openclaw/state-dir.ts';
import type { LiveTimes } from '../../src/sessions/live-times.ts';

/** The compiled program, as `npm run build` leaves it: `npm test` builds first. */
export const COMPILED_MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** What a run of the program left: its exit code and everything that it wrote. */
export class CliResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;

  constructor(exitCode: number, stdout: Buffer, stderr: Buffer) {
    this.exitCode = exitCode;
    this.stdout = stdout;
    this.stderr = stderr.toString('utf8');
  }

  get text(): string {
    return this.stdout.toString('utf8');
  }

  /** The one JSON object that `--json` prints. @throws SyntaxError if it printed anything else. */
  json<T>(): T {
    return JSON.parse(this.text) as T;
  }

  /** Itself. @throws Error with everything that it wrote, unless it ended with this exit code. */
  expect(exitCode: number): this {
    if (this.exitCode === exitCode) return this;
    throw new Error(`exit code ${this.exitCode}, not ${exitCode}\n${this.text}\n${this.stderr}`);
  }
}

export interface InProcessOptions {
  /** All there is: nothing of the environment of the tests gets through. */
  readonly env: Environment;
  readonly nowMs: number;
  readonly signal?: AbortSignal;
  /** @default QUICK_TIMES */
  readonly liveTimes?: LiveTimes;
  /** @default LEASE_TIMES */
  readonly leaseTimes?: LeaseTimes;
}

/** A clock that moves only while somebody waits for it: no test sleeps. */
export function clockAt(startMs: number): Clock {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    pause: async (ms) => {
      nowMs += ms;
    },
  };
}

/** A gateway that is up in a test writes at once or never. */
export const QUICK_TIMES: LiveTimes = { lookAgainMs: 100, settleMs: 300, patienceMs: 20_000 };

/** Runs a verb in this process, with a clock of its own. Worker threads are real. */
export async function runCli(argv: readonly string[], options: InProcessOptions): Promise<CliResult> {
  const { env, nowMs, signal = new AbortController().signal, liveTimes = QUICK_TIMES, leaseTimes } = options;
  const stdout = new Capture();
  const stderr = new Capture();
  const io = { stdout, stderr, env, clock: clockAt(nowMs), signal, liveTimes, leaseTimes };
  const exitCode = await run(argv, io);
  return new CliResult(exitCode, stdout.bytes, stderr.bytes);
}

export interface SpawnOptions {
  readonly env: Environment;
  /** The program that runs it. @default the node of the tests */
  readonly node?: string;
  /** @default COMPILED_MAIN */
  readonly main?: string;
}

/** Runs the compiled program in a process of its own, with the system's clock. */
export function spawnCli(argv: readonly string[], options: SpawnOptions): Promise<CliResult> {
  const { env, node = process.execPath, main = COMPILED_MAIN } = options;
  return runProgram(node, [main, ...argv], env);
}

/** Runs any program to its end. */
export async function runProgram(
  program: string,
  argv: readonly string[],
  env: Environment,
): Promise<CliResult> {
  const stdout = new Capture();
  const stderr = new Capture();
  const child = spawn(program, argv, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(stdout);
  child.stderr.pipe(stderr);
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  });
  return new CliResult(exitCode, stdout.bytes, stderr.bytes);
}

class Capture extends Writable {
  readonly #chunks: Buffer[] = [];

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }
}
