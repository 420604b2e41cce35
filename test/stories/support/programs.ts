import { execFile, spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** Folders of the PATH as the user set it: npm and npx put those of the project's packages in front. */
const folders = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => folder !== '' && !folder.includes('node_modules'));

/** Where a system program is; undefined if this machine has none. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    const isRunnable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isRunnable) return path;
  }
  return undefined;
}

/** The machine's own node if it is a 20; undefined otherwise. */
export async function findNode20(): Promise<string | undefined> {
  const node = await findProgram('node');
  if (node === undefined) return undefined;
  const { stdout } = await promisify(execFile)(node, ['--version']);
  return stdout.startsWith('v20.') ? node : undefined;
}

/** The npm that the machine has; npm and npx run with their own in front of the PATH. */
export function findNpm(): Promise<string | undefined> {
  return findProgram('npm');
}

/** `zstd -d < pack | tar x`, as a person without clawback would type it. */
export async function unpackByHand(pack: string, folder: string): Promise<void> {
  const child = spawn('sh', ['-c', 'zstd -d < "$1" | tar x -C "$2"', 'sh', pack, folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString('utf8');
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (exitCode !== 0) throw new Error(`zstd -d | tar x: exit code ${exitCode}: ${complaint}`);
}
