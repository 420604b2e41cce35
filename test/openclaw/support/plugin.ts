import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { describeRun, runOpenClaw } from './cli.ts';
import type { OpenClawHome } from './home.ts';
import type { OpenClawRelease } from './release.ts';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

/** The package as `npm install -g clawback` lays it down, with its dependencies below it, from the built `dist`. */
export async function packageFolder(parent?: string): Promise<string> {
  const folder = join(parent ?? (await temporaryFolder()), 'clawback');
  await mkdir(folder);
  const own = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8')) as { files: string[] };
  for (const name of ['package.json', ...own.files]) {
    await cp(join(PROJECT, name), join(folder, name), { recursive: true });
  }
  const lock = JSON.parse(await readFile(join(PROJECT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>;
  };
  for (const [path, { dev, optional }] of Object.entries(lock.packages)) {
    if (path === '' || dev || optional) continue;
    await cp(join(PROJECT, path), join(folder, path), { recursive: true });
  }
  return folder;
}

/** `openclaw plugins install <folder>`, as an operator does it. @throws Error with the output if it does not work. */
export async function installPlugin(
  release: OpenClawRelease,
  home: OpenClawHome,
  folder: string,
): Promise<string> {
  const args = ['plugins', 'install', folder];
  const result = await runOpenClaw(release, home, args);
  if (result.exitCode !== 0) throw new Error(describeRun(args, result));
  return `${result.stdout}\n${result.stderr}`;
}
