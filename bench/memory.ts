import { appendFileSync, statSync, utimesSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes, table } from '../src/cli/format.ts';
import { MODEL, WORKSPACE_DIR } from '../src/demo/agent-setup.ts';
import { createRandom } from '../src/demo/random.ts';
import { writeSlackStore } from '../src/demo/slack-store.ts';
import { transcriptLines } from '../src/demo/transcripts.ts';
import { archiveCommand, type ClawbackPlace, clawback } from './clawback.ts';
import { type Corpus, corpusOf, makeCorpus } from './corpus.ts';
import { type Command, measure } from './measure.ts';
import type { S3Target } from './s3-target.ts';

/** What the whole process may hold, with two worker threads, whatever it works on. */
const LIMIT_BYTES = 400 * 1024 * 1024;

const GIANT_BYTES = 1024 ** 3;

/** The second report's store, with images, and larger by a third: 2 GB. */
const LARGE = { countScale: 1, sizeScale: 1.33 };

export interface MemoryOptions {
  readonly folder: string;
  readonly s3: S3Target | undefined;
  readonly say: (text: string) => void;
}

type Row = readonly (string | number)[];

/** Runs each command once on a large store and on one huge transcript. Sets the exit code if one held too much. */
export async function measureMemory(options: MemoryOptions): Promise<void> {
  const rows: Row[] = [];
  const large = await makeCorpus(await subfolder(options, 'large'), LARGE);
  rows.push(...(await archiveEverywhere(options, large, 'a 2 GB store', async () => [])));
  await rm(join(options.folder, 'large'), { recursive: true });

  const { corpus, sessionKey } = await giantCorpus(await subfolder(options, 'giant'));
  rows.push(
    ...(await archiveEverywhere(options, corpus, 'one 1 GiB transcript', async (place, where) => {
      const target = join(options.folder, 'restored');
      await rm(target, { recursive: true, force: true });
      await mkdir(target);
      return [
        await watch(`cat of it, from ${where}`, clawback(place, ['cat', sessionKey])),
        await watch(`cat --raw of it, from ${where}`, clawback(place, ['cat', '--raw', sessionKey])),
        await watch(`restore of it, from ${where}`, clawback(place, ['restore', sessionKey, '--to', target])),
      ];
    })),
  );
  options.say(table([['whole process', 'peak memory', 'of 400 MB', 'seconds'], ...rows]));
}

async function archiveEverywhere(
  { folder, s3 }: MemoryOptions,
  corpus: Corpus,
  what: string,
  thenRead: (place: ClawbackPlace, where: string) => Promise<readonly Row[]>,
): Promise<Row[]> {
  const { stateDir } = corpus;
  const archive = join(folder, 'archive');
  const rows: Row[] = [];
  const to = async (where: string, place: ClawbackPlace) => {
    await corpus.renew();
    rows.push(await watch(`archive ${what} to ${where}`, archiveCommand(place)));
    rows.push(...(await thenRead(place, where)));
  };
  await to('a folder', { stateDir, archive: `file://${archive}` });
  await rm(archive, { recursive: true });
  if (s3 === undefined) return rows;
  await s3.renew();
  await to('MinIO', s3.place(stateDir));
  return rows;
}

async function watch(name: string, command: Command): Promise<Row> {
  const { peakBytes, wallMs } = await measure([command], { discardOutput: command.args.includes('cat') });
  if (peakBytes !== undefined && peakBytes > LIMIT_BYTES) process.exitCode = 1;
  return [
    name,
    peakBytes === undefined ? '-' : formatBytes(peakBytes),
    peakBytes === undefined ? '-' : `${Math.round((peakBytes / LIMIT_BYTES) * 100)} %`,
    (wallMs / 1000).toFixed(1),
  ];
}

/** A small store in which one thread never ended. */
async function giantCorpus(folder: string): Promise<{ corpus: Corpus; sessionKey: string }> {
  const stateDir = join(folder, 'openclaw');
  const store = await writeSlackStore({
    stateDir,
    nowMs: Date.now(),
    blockers: false,
    countScale: 0.02,
    sizeScale: 0.05,
  });
  const oldest = [...store.sessions].sort((a, b) => b.ageMs - a.ageMs)[0];
  const [transcript] = oldest?.files ?? [];
  if (oldest === undefined || transcript === undefined) throw new Error('bench: the store is empty');
  grow(join(store.sessionsDir, transcript), GIANT_BYTES);
  return { corpus: await corpusOf(folder, stateDir, store.sessionsDir), sessionKey: oldest.sessionKey };
}

/** Appends conversation until the file is that large, and leaves its date as it was. */
function grow(path: string, bytes: number): void {
  const { size, mtime } = statSync(path);
  const plan = {
    sessionId: 'giant',
    model: MODEL,
    cwd: WORKSPACE_DIR,
    startedAtMs: 0,
    endedAtMs: mtime.getTime(),
    turns: 20_000,
    targetBytes: bytes - size,
    imageChars: 0,
  };
  let pending: string[] = [];
  let pendingChars = 0;
  for (const line of transcriptLines(plan, createRandom('giant'))) {
    pending.push(line);
    pendingChars += line.length;
    if (pendingChars < 8 * 1024 * 1024) continue;
    appendFileSync(path, pending.join(''));
    [pending, pendingChars] = [[], 0];
  }
  appendFileSync(path, pending.join(''));
  utimesSync(path, mtime, mtime);
}

async function subfolder({ folder }: MemoryOptions, name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  return path;
}
