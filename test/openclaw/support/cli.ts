import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { OpenClawHome } from './home.ts';
import type { OpenClawRelease } from './release.ts';

export interface CliResult {
  /** Null if a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const DEFAULT_TIMEOUT_MS = 120_000;

/** Runs `openclaw <args>` for a home and resolves when it is over, whatever its exit code. */
export function runOpenClaw(
  release: OpenClawRelease,
  home: OpenClawHome,
  args: readonly string[],
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<CliResult> {
  return runNode([join(release.packageDir, 'openclaw.mjs'), ...args], home, timeoutMs);
}

/**
 * Runs a command that prints one JSON value on standard output, and returns that.
 * @throws Error with both streams if it exits with anything but 0 or prints something else.
 */
export async function openclawJson<T>(
  release: OpenClawRelease,
  home: OpenClawHome,
  args: readonly string[],
): Promise<T> {
  const result = await runOpenClaw(release, home, [...args, '--json']);
  if (result.exitCode !== 0) throw new Error(describeRun(args, result));
  try {
    return JSON.parse(result.stdout) as T;
  } catch (error) {
    throw new Error(`${describeRun(args, result)}\nnot JSON`, { cause: error });
  }
}

/** Runs a script under the Node that runs the tests, with the home's environment. */
export function runNode(
  nodeArgs: readonly string[],
  home: OpenClawHome,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, nodeArgs, {
      cwd: home.root,
      env: home.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

export function describeRun(args: readonly string[], result: CliResult): string {
  const { exitCode, stdout, stderr } = result;
  return `openclaw ${args.join(' ')}: exit ${exitCode ?? 'by a signal'}\n${stdout}\n${stderr}`;
}
