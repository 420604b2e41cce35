import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export interface Cost {
  readonly wallMs: number;
  /** Resident memory at its highest, summed over the processes. Undefined where there is no /proc. */
  readonly peakBytes: number | undefined;
  /** What the last process printed, unless `discardOutput`. */
  readonly stdout: string;
}

export interface MeasureOptions {
  /** Counts nothing of the output but its end: for gigabytes. */
  readonly discardOutput?: boolean;
}

/** The kernel keeps the high-water mark itself, so a look every 10 ms misses only what grows in the last 10 ms. */
const LOOK_MS = 10;

/**
 * Runs the commands as one pipeline, from the start of the first process to the end of the last.
 * The pipes run between the processes: no byte passes through this one.
 *
 * @throws {Error} with its standard error if any of them exits with anything but 0.
 */
export async function measure(
  commands: readonly Command[],
  { discardOutput = false }: MeasureOptions = {},
): Promise<Cost> {
  const peaks = new Map<number, number>();
  const startedMs = performance.now();
  const children = startPipeline(commands, discardOutput);
  const look = () => {
    for (const { pid } of children) {
      const peak = pid === undefined ? undefined : highWaterBytes(pid);
      if (pid !== undefined && peak !== undefined) peaks.set(pid, peak);
    }
  };
  const timer = setInterval(look, LOOK_MS);
  try {
    const outputs = await Promise.all(
      children.map((child, index) => finished(child, commands[index] as Command)),
    );
    const wallMs = performance.now() - startedMs;
    const peakBytes = peaks.size === 0 ? undefined : [...peaks.values()].reduce((sum, peak) => sum + peak);
    return { wallMs, peakBytes, stdout: outputs.at(-1) ?? '' };
  } finally {
    clearInterval(timer);
  }
}

/** Last first, so that each finds the standard input of the next one open. */
function startPipeline(commands: readonly Command[], discardOutput: boolean): ChildProcess[] {
  const children: ChildProcess[] = [];
  for (const [index, { program, args, env, cwd }] of [...commands.entries()].reverse()) {
    const next = children[0]?.stdin;
    const child = spawn(program, args, {
      env: env ?? process.env,
      cwd,
      stdio: [index === 0 ? 'ignore' : 'pipe', next ?? (discardOutput ? 'ignore' : 'pipe'), 'pipe'],
    });
    // Only the two processes may hold the pipe: the reader waits for its end until the last copy is closed.
    next?.destroy();
    children.unshift(child);
  }
  return children;
}

async function finished(child: ChildProcess, { program, args }: Command): Promise<string> {
  const [stdout, stderr, exitCode] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((resolve, reject) => child.once('error', reject).once('exit', resolve)),
  ]);
  if (exitCode === 0) return stdout;
  throw new Error(`${program} ${args.join(' ')}: exit ${exitCode}\n${stderr}${stdout.slice(-2000)}`);
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined for a process that is over, and on systems without /proc. */
function highWaterBytes(pid: number): number | undefined {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    // It has just ended, or this is not Linux: the table shows what was seen until then, or a dash.
    return undefined;
  }
}

/** The first line that a program prints about itself, or undefined if it is not installed. */
export async function versionOf(program: string, ...args: readonly string[]): Promise<string | undefined> {
  try {
    return (await measure([{ program, args }])).stdout.split('\n')[0];
  } catch {
    // Not installed: its row is left out, and the table says so.
    return undefined;
  }
}
