import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { count, formatBytes, table } from '../src/cli/format.ts';
import { type ClawbackPlace, clawback } from './clawback.ts';
import { type Corpus, type CorpusScale, makeCorpus } from './corpus.ts';
import { versionOf } from './measure.ts';
import { clawbackToFolder, clawbackToS3, folderPlace, type Peer, restic, tarZstd } from './peers.ts';
import { type Entrant, interleave, medianWallMs, peakBytes, type RoundOptions } from './rounds.ts';
import type { S3Target } from './s3-target.ts';

export interface CompareOptions extends CorpusScale, RoundOptions {
  readonly folder: string;
  readonly s3: S3Target | undefined;
  readonly say: (text: string) => void;
}

/** Archives one corpus with every tool, then reads one conversation of it back. Prints two tables. */
export async function compare(options: CompareOptions): Promise<void> {
  const { folder, s3, say } = options;
  const corpus = await makeCorpus(folder, options);
  const raw = corpus.rawBytes;
  say(
    `corpus: the second report's store, ${options.countScale} of its rows and files at ${options.sizeScale} of their size;\n` +
      `everything older than an hour goes: ${count(corpus.fileNames.length, 'file')}, ${formatBytes(raw)}\n` +
      `${count(options.rounds, 'round')} in turn after ${count(options.warmUps, 'warm-up')}; medians; 2 worker threads\n`,
  );
  const peers = await peersFor(folder, corpus, s3);
  // Every tool starts from the same untouched store, clawback's own removals undone.
  const entrants = peers.map((peer) => ({
    ...peer,
    async prepare() {
      await corpus.renew();
      await peer.prepare();
    },
  }));
  const stored: number[] = [];
  const costs = await interleave(entrants, options);
  for (const peer of peers) stored.push(await peer.storedBytes());
  const base = medianWallMs(costs[0] ?? []);
  say(
    table([
      ['archive', 'time', 'seconds', 'spread', 'MB/s', 'stored', 'ratio', 'peak memory'],
      ...peers.map(({ name }, index) => {
        const own = costs[index] ?? [];
        const ms = medianWallMs(own);
        const size = stored[index] ?? Number.NaN;
        return [
          name,
          (ms / base).toFixed(2),
          (ms / 1000).toFixed(2),
          spread(own.map(({ wallMs }) => wallMs)),
          Math.round(raw / 1e6 / (ms / 1000)),
          formatBytes(size),
          (raw / size).toFixed(1),
          formatPeak(peakBytes(own)),
        ];
      }),
    ]),
  );
  await readBack(options, corpus);
}

async function peersFor(folder: string, corpus: Corpus, s3: S3Target | undefined): Promise<Peer[]> {
  for (const program of ['tar', 'zstd']) {
    if ((await versionOf(program, '--version')) === undefined) throw new Error(`bench: install ${program}`);
  }
  const resticPeer = await restic(folder, corpus);
  return [
    tarZstd(folder, corpus),
    ...(resticPeer === undefined ? [] : [resticPeer]),
    ...(s3 === undefined ? [] : [clawbackToS3(s3, corpus)]),
    clawbackToFolder(folder, corpus, 'stored'),
    // Last, so that its state folder stays for the reading back.
    clawbackToFolder(folder, corpus, 'content'),
  ];
}

/** `cat` and `restore --to` of the conversation of middling size, against the start of node itself. */
async function readBack(options: CompareOptions, corpus: Corpus): Promise<void> {
  const { folder, say } = options;
  const place = folderPlace(folder, corpus, 'content');
  const { sessionKey, bytes } = middlingSession(corpus);
  const entrants = [
    { name: 'node -e 0', prepare: async () => {}, commands: () => [nodeStart()] },
    ...readers(place, folder, sessionKey, 'a folder'),
  ];
  const costs = await interleave(entrants, options);
  const base = medianWallMs(costs[0] ?? []);
  say(
    `\nthe conversation in the middle by size, ${formatBytes(bytes)} with its trajectory:\n${table([
      ['read back', 'time', 'ms', 'peak memory'],
      ...entrants.map(({ name }, index) => {
        const own = costs[index] ?? [];
        const ms = medianWallMs(own);
        return [name, (ms / base).toFixed(1), Math.round(ms), formatPeak(peakBytes(own))];
      }),
    ])}`,
  );
}

function readers(place: ClawbackPlace, folder: string, sessionKey: string, where: string): Entrant[] {
  const target = join(folder, 'restored');
  return [
    {
      name: `clawback cat, from ${where}`,
      prepare: async () => {},
      commands: () => [clawback(place, ['cat', sessionKey])],
    },
    {
      name: `clawback restore --to, from ${where}`,
      async prepare() {
        await rm(target, { recursive: true, force: true });
        await mkdir(target);
      },
      commands: () => [clawback(place, ['restore', sessionKey, '--to', target])],
    },
  ];
}

function middlingSession({ selected }: Corpus): { sessionKey: string; bytes: number } {
  const sessions = selected
    .filter(({ files }) => files.length > 1)
    .flatMap(({ sessionKey, files }) => {
      const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const isWhole = files.some(({ name }) => /^[^.]+(?:\.\d+)?\.jsonl$/.test(name));
      return sessionKey === null || !isWhole ? [] : [{ sessionKey, bytes }];
    })
    .sort((a, b) => a.bytes - b.bytes);
  const middle = sessions[Math.floor(sessions.length / 2)];
  if (middle === undefined) throw new Error('bench: the corpus has no conversation that goes');
  return middle;
}

function nodeStart() {
  return { program: process.execPath, args: ['-e', '0'] };
}

/** How far the rounds lie apart, so that a reader sees what the machine was like. */
function spread(values: readonly number[]): string {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return `${(low / 1000).toFixed(2)}–${(high / 1000).toFixed(2)}`;
}

function formatPeak(bytes: number | undefined): string {
  return bytes === undefined ? '-' : formatBytes(bytes);
}
