import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Archive } from '../../src/archive/archive.ts';
import { CatalogueCache } from '../../src/archive/catalogue-cache.ts';
import { openCodec } from '../../src/codec/open.ts';
import { DirectoryObjectStore } from '../../src/objects/directory.ts';
import { PackReader } from '../../src/packs/pack-reader.ts';
import { tombstoneMark } from '../../src/sessions/row.ts';
import type { Home } from '../stories/support/home.ts';
import { sha256 } from './faults.ts';
import { COMPILED_MAIN } from './run-cli.ts';

/** SHA-256 by name of every file in the sessions folder but the store itself. */
export type Originals = ReadonlyMap<string, string>;

export async function readOriginals(home: Home): Promise<Originals> {
  const originals = new Map<string, string>();
  for (const entry of await readdir(home.sessionsDir(), { withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('sessions.json')) continue;
    originals.set(entry.name, sha256(await readFile(join(home.sessionsDir(), entry.name))));
  }
  return originals;
}

/** Names of original files that are neither in the folder nor restorable from a manifest. */
export async function lostFiles(home: Home, originals: Originals, archive?: Archive): Promise<string[]> {
  const archived = await archivedFiles(archive ?? (await openHomeArchive(home)));
  const lost: string[] = [];
  for (const [name, digest] of originals) {
    if (archived.has(`${name} ${digest}`)) continue;
    const here = await readFile(join(home.sessionsDir(), name)).catch(() => undefined);
    if (here === undefined || sha256(here) !== digest) lost.push(name);
  }
  return lost;
}

export async function openHomeArchive(home: Home): Promise<Archive> {
  const objects = DirectoryObjectStore.open(pathToFileURL(home.archiveDir).href);
  const instances = await readdir(home.archiveDir).catch(() => []);
  const cache = new CatalogueCache(join(home.root, 'test-cache'), objects.url);
  return new Archive(objects, await openCodec('auto'), instances[0] ?? 'none', cache);
}

async function archivedFiles(archive: Archive): Promise<Set<string>> {
  const found = new Set<string>();
  for (const manifest of await archive.manifests(await archive.batchIds())) {
    const pack = manifest.packs[0];
    if (pack === undefined) continue;
    const reader = new PackReader(archive.objects, archive.codec, pack);
    for (const file of manifest.sessions.flatMap(({ files }) => files)) {
      if (file.place === null) continue;
      const chunks: Uint8Array[] = [];
      for await (const chunk of reader.read(file)) chunks.push(Buffer.from(chunk));
      found.add(`${file.name} ${sha256(Buffer.concat(chunks))}`);
    }
  }
  return found;
}

/** Rows and file names, with everything replaced that chance or the home's own path decides. */
export async function endState(home: Home): Promise<unknown> {
  const rows = JSON.parse((await home.storeText()).replaceAll(home.root, '')) as Record<
    string,
    Record<string, unknown>
  >;
  const stubs = new Set(Object.values(rows).map((row) => tombstoneMark(row) && row.sessionFile));
  const names = (await readdir(home.sessionsDir())).map((name) => (stubs.has(name) ? 'stub' : name));
  return {
    rows: Object.entries(rows).map(([key, row]) =>
      tombstoneMark(row) === undefined
        ? [key, row]
        : [key, { ...row, sessionId: '', sessionFile: '', clawback: '' }],
    ),
    // A half-written store has the name that OpenClaw's own have, which OpenClaw clears away.
    files: names.filter((name) => !/^sessions\.json\.\d+\..*\.tmp$/.test(name)).sort(),
  };
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** Starts the compiled program; `meddle` gets the running process. */
export async function spawnAnd(
  home: Home,
  argv: readonly string[],
  meddle: (kill: (signal: NodeJS.Signals) => void) => void | Promise<void>,
  env: Readonly<Record<string, string>> = {},
  main = COMPILED_MAIN,
): Promise<Ending> {
  const child = spawn(process.execPath, [main, ...argv], {
    env: { ...home.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, output }));
  });
  await meddle((signal) => child.kill(signal));
  return ended;
}
