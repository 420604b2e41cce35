import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { archiveCommand, type ClawbackPlace } from './clawback.ts';
import type { Corpus } from './corpus.ts';
import { type Command, measure, versionOf } from './measure.ts';
import type { S3Target } from './s3-target.ts';

/** One way to put the selected files elsewhere. */
export interface Peer {
  readonly name: string;
  /** Makes an empty place for the next run. Not timed. */
  prepare(): Promise<void>;
  /** The pipeline that is timed. */
  commands(): readonly Command[];
  /** What the last run has stored. */
  storedBytes(): Promise<number>;
}

/** The measure of all others. */
export function tarZstd(folder: string, corpus: Corpus): Peer {
  const output = join(folder, 'store.tar.zst');
  const names = join(folder, 'names');
  return {
    name: 'tar | zstd -T2 -3',
    async prepare() {
      await rm(output, { force: true });
      await writeFile(names, corpus.fileNames.join('\n'));
    },
    commands: () => [
      { program: 'tar', args: ['-C', corpus.sessionsDir, '-cf', '-', '-T', names] },
      { program: 'zstd', args: ['-q', '-T2', '-3', '-o', output] },
    ],
    storedBytes: async () => (await stat(output)).size,
  };
}

/** `clawback archive` to a folder: the whole process, from its start to the last file removed. */
export function clawbackToFolder(folder: string, corpus: Corpus, verify: 'content' | 'stored'): Peer {
  const target = join(folder, `archive-${verify}`);
  return {
    name: `clawback to a folder${verify === 'content' ? '' : ', verify: stored'}`,
    prepare: () => rm(target, { recursive: true, force: true }),
    commands: () => [archiveCommand(folderPlace(folder, corpus, verify))],
    storedBytes: () => folderBytes(target),
  };
}

export function folderPlace(
  folder: string,
  { stateDir }: Corpus,
  verify: 'content' | 'stored',
): ClawbackPlace {
  const archive = `file://${join(folder, `archive-${verify}`)}`;
  return { stateDir, archive, env: { CLAWBACK_VERIFY: verify } };
}

/** The same to an S3 server on this machine, which takes its share of the cores. */
export function clawbackToS3(target: S3Target, { stateDir }: Corpus): Peer {
  return {
    name: 'clawback to MinIO',
    prepare: () => target.renew(),
    commands: () => [archiveCommand(target.place(stateDir))],
    storedBytes: () => target.storedBytes(),
  };
}

/** Undefined where restic is not installed. */
export async function restic(folder: string, corpus: Corpus): Promise<Peer | undefined> {
  const version = await versionOf('restic', 'version');
  if (version === undefined) return undefined;
  const repository = join(folder, 'restic');
  const names = join(folder, 'restic-names');
  const command = (...args: string[]): Command => ({
    program: 'restic',
    args: ['--quiet', '--repo', repository, '--no-cache', '--compression', 'auto', ...args],
    env: { ...process.env, RESTIC_PASSWORD: 'bench' },
    cwd: corpus.sessionsDir,
  });
  return {
    name: version.split(' ').slice(0, 2).join(' '),
    async prepare() {
      await rm(repository, { recursive: true, force: true });
      await mkdir(repository);
      await writeFile(names, corpus.fileNames.join('\n'));
      await measure([command('init')]);
    },
    commands: () => [command('backup', '--files-from-verbatim', names)],
    storedBytes: () => folderBytes(repository),
  };
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const stats = await Promise.all(files.map(({ parentPath, name }) => stat(join(parentPath, name))));
  return stats.reduce((sum, { size }) => sum + size, 0);
}
