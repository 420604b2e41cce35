import { spawn } from 'node:child_process';
import { type ClawbackPlace, clawback } from './clawback.ts';

/** What `clawback archive --json --verbose` says of a run. */
export interface ArchiveReport {
  readonly durationMs: number;
  readonly road: { readonly name: string; readonly why: string };
  readonly done: Readonly<Record<string, number>>;
  readonly leftAlone: readonly unknown[];
  readonly failures: readonly unknown[];
  readonly problems: readonly unknown[];
  readonly planned: { readonly selectedRows: number };
  readonly plan: readonly { readonly selected: readonly { readonly sessionKey: string | null }[] }[];
}

/** What a writer did while the store was archived. */
export interface WriterReport {
  readonly updates: number;
  /** Values that were no longer there when they were read again. */
  readonly lost: number;
  readonly seconds: number;
  /** The last value that each session key was given, as `benchCount`. */
  readonly written: Readonly<Record<string, number>>;
}

/**
 * Runs the built program beside the gateway at `port`. Exit code 3 is an outcome too: what it leaves is counted.
 *
 * @throws Error if it did not run to its end, or did not change rows by way of `road`.
 */
export async function archiveBeside(
  port: number,
  place: ClawbackPlace,
  road: 'gateway' | 'outside',
): Promise<ArchiveReport> {
  const env = { OPENCLAW_GATEWAY_PORT: String(port) };
  const { program, args, env: all } = clawback({ ...place, env }, ['archive', '--json', '--verbose']);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], ...(all ? { env: all } : {}) });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (exitCode !== 0 && exitCode !== 3) throw new Error(`clawback archive: exit ${exitCode}\n${output}`);
  const report = JSON.parse(output) as ArchiveReport;
  if (report.road.name !== road)
    throw new Error(
      `clawback archive: by the road "${report.road.name}" instead of "${road}": ${report.road.why}`,
    );
  return report;
}
