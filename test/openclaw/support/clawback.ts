import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CliResult, runNode } from './cli.ts';
import type { OpenClawHome } from './home.ts';

/** As built by `npm run build`: the very program that users run. */
export const CLAWBACK_MAIN = fileURLToPath(new URL('../../../dist/src/cli/main.js', import.meta.url));

/** Writes clawback's settings for a home; the archive is a directory in it. */
export async function configureClawback(
  home: OpenClawHome,
  retention: Readonly<Record<string, string>>,
  tombstone: { readonly stub?: boolean } = {},
): Promise<void> {
  const settings = { archive: `file://${join(home.root, 'archive')}`, retention, tombstone, jobs: 1 };
  await writeFile(join(home.stateDir, 'clawback.json'), JSON.stringify(settings));
}

/** Runs the built `clawback <args>` for a home and resolves when it is over, whatever its exit code. */
export function runClawback(home: OpenClawHome, args: readonly string[]): Promise<CliResult> {
  return runNode([CLAWBACK_MAIN, ...args], home);
}

/** Runs a command and returns what it printed as JSON. @throws Error if it exits with anything but 0. */
export async function clawbackJson<T>(home: OpenClawHome, args: readonly string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await runClawback(home, [...args, '--json']);
  if (exitCode !== 0) throw new Error(`clawback ${args.join(' ')}: exit ${exitCode}\n${stdout}\n${stderr}`);
  return JSON.parse(stdout) as T;
}
