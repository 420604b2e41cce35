import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errnoOf } from '../../../src/errors.ts';

/** The releases that the suite tries, oldest first. All keep sessions in sessions.json + JSONL. */
export const OPENCLAW_RELEASES = ['2026.5.28'] as const;

/** The releases whose running gateways are tried: the oldest, one in between and the last with a file store. */
export const GATEWAY_RELEASES = ['2026.5.28', '2026.6.11', '2026.7.35'] as const;

/** Where the project keeps what it downloads for tests. */
export const CACHE = fileURLToPath(new URL('../../../.cache/', import.meta.url));
const INSTALL_TIMEOUT_MS = 10 * 60_000;

/** A real OpenClaw from npm, installed beside the project and no dependency of it. */
export interface OpenClawRelease {
  readonly version: string;
  /** The root of the installed package, where `openclaw.mjs` and `dist` are. */
  readonly packageDir: string;
}

/**
 * Installs `openclaw@version` into `.cache/openclaw-<version>/`, or finds it there.
 * The folder appears by rename when npm is done, so it is complete or absent.
 * Install scripts are not run; OpenClaw's tests and gateway do without them.
 */
export async function installOpenClaw(version: string): Promise<OpenClawRelease> {
  const folder = join(CACHE, `openclaw-${version}`);
  const release = { version, packageDir: join(folder, 'node_modules', 'openclaw') };
  if ((await installedVersion(release.packageDir)) === version) return release;

  await mkdir(CACHE, { recursive: true });
  const partial = await mkdtemp(join(CACHE, `openclaw-${version}.partial-`));
  await writeFile(join(partial, 'package.json'), '{ "private": true }\n');
  await npmInstall(partial, `openclaw@${version}`);
  try {
    await rename(partial, folder);
  } catch (error) {
    // Another test process was faster: its folder is as good as ours.
    if (!['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) throw error;
    await rm(partial, { recursive: true, force: true });
  }
  const found = await installedVersion(release.packageDir);
  if (found !== version) {
    throw new Error(
      `install openclaw ${version}: ${folder} holds ${found ?? 'no package'}; remove that folder`,
    );
  }
  return release;
}

async function installedVersion(packageDir: string): Promise<string | undefined> {
  try {
    const manifest: unknown = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8'));
    const version = (manifest as { version?: unknown }).version;
    return typeof version === 'string' ? version : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function npmInstall(folder: string, spec: string): Promise<void> {
  // `--prefix`, because a surrounding `npm test` exports the project's own.
  const flags = [
    '--prefix',
    folder,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-save',
    '--loglevel=error',
  ];
  return new Promise((resolve, reject) => {
    const npm = spawn('npm', ['install', spec, ...flags], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: INSTALL_TIMEOUT_MS,
    });
    let stderr = '';
    npm.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    npm.on('error', reject);
    npm.on('close', (exitCode) => {
      if (exitCode === 0) resolve();
      else reject(new Error(`npm install ${spec}: exit ${exitCode ?? 'by a signal'}\n${stderr}`));
    });
  });
}
