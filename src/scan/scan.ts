import type { BigIntStats } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import glob from 'fast-glob';
import { isClawbackError } from '../errors.ts';
import type { ActivityEvidence } from '../openclaw/activity-evidence.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import type { SessionStore, StoreRow, StoreSnapshot } from '../sessions/session-store.ts';
import { classifyFileName } from './file-kind.ts';
import { describeStats, listNames, lstatIfThere } from './file-stats.ts';
import { type Media, scanMedia } from './scan-media.ts';
import type { ScannedFile } from './scanned-file.ts';

export { describeStats, type FileIdentity, sameIdentity } from './file-stats.ts';
export type { ScannedFile } from './scanned-file.ts';

export interface SkillPrompts {
  readonly files: number;
  readonly diskBytes: number;
  /** Content hashes that a row's `skillsSnapshot.promptRef` can name. */
  readonly hashes: ReadonlySet<string>;
}

/** One store and its folder at one moment: everything that a plan is made of. */
export interface Snapshot {
  readonly store: StoreLocation;
  /** The sessions folder with symbolic links resolved; rows may spell it either way. */
  readonly realSessionsDir: string;
  readonly rows: readonly StoreRow[];
  /** Entries of the store that are not objects: counted, never touched. */
  readonly malformedRows: number;
  /** Rows of other stores that keep their transcripts in the same folder: their files are no orphans. */
  readonly neighbourRows: readonly StoreRow[];
  /** Whether files that no row references are this store's to archive. */
  readonly ownsOrphans: boolean;
  readonly files: ReadonlyMap<string, ScannedFile>;
  readonly media: Media;
  readonly prompts: SkillPrompts;
  readonly activity: ActivityEvidence;
}

export interface ScanInput {
  readonly store: StoreLocation;
  readonly sessions: SessionStore;
  /** Stores that share the folder with this one. */
  readonly neighbours: readonly SessionStore[];
  /** Stores in other folders. A row of theirs may name a transcript in ours by its absolute path. */
  readonly others: readonly SessionStore[];
  readonly ownsOrphans: boolean;
  readonly activity: ActivityEvidence;
  /** Names of lock files that we hold ourselves: they say nothing about the conversation. */
  readonly ownLocks?: ReadonlySet<string>;
}

/** Reads only. Files that vanish while we look are not in the snapshot. */
export async function scan(input: ScanInput): Promise<Snapshot> {
  const { store } = input;
  const [{ rows, malformedRows }, neighbours, others, files, prompts, realSessionsDir] = await Promise.all([
    input.sessions.read(),
    Promise.all(input.neighbours.map((neighbour) => neighbour.read())),
    readAll(input.others),
    scanFiles(store, input.ownLocks ?? new Set()),
    scanPrompts(store.sessionsDir),
    realpath(store.sessionsDir),
  ]);
  const keys = new Set(rows.map(({ sessionKey }) => sessionKey));
  const foreign = new Set([...neighbours, ...(others ?? [])].flatMap(keysOf));
  return {
    store,
    realSessionsDir,
    rows,
    malformedRows,
    neighbourRows: [
      ...neighbours,
      ...(others ?? []).map(visitorsOf([store.sessionsDir, realSessionsDir])),
    ].flatMap((snapshot) => snapshot.rows),
    // A store that cannot be read may name any file.
    ownsOrphans: input.ownsOrphans && others !== undefined,
    files,
    media: await scanMedia(store, (key) => keys.has(key) && !foreign.has(key)),
    prompts,
    activity: input.activity,
  };
}

function keysOf({ rows }: StoreSnapshot): string[] {
  return rows.map(({ sessionKey }) => sessionKey);
}

/** Undefined if one of them cannot be read: that is its own run's failure, not this one's. */
async function readAll(stores: readonly SessionStore[]): Promise<readonly StoreSnapshot[] | undefined> {
  try {
    return await Promise.all(stores.map((store) => store.read()));
  } catch (error) {
    if (isClawbackError(error)) return undefined;
    throw error;
  }
}

/**
 * Keeps the rows whose transcript lies in one of these spellings of our folder, or may: a gateway in a container spells
 * it by another root.
 */
function visitorsOf(folders: readonly string[]) {
  const tails = folders.flatMap((folder) => AGENT_FOLDER.exec(folder) ?? []);
  const isHere = ({ row }: StoreRow) => {
    if (typeof row.sessionFile !== 'string') return false;
    const folder = dirname(normalize(row.sessionFile.trim()));
    return folders.includes(folder) || tails.some((tail) => folder.endsWith(tail));
  };
  return (snapshot: StoreSnapshot) => ({ rows: snapshot.rows.filter(isHere) });
}

const AGENT_FOLDER = /\/agents\/[^/]+\/sessions$/;

async function scanFiles(
  store: StoreLocation,
  ownLocks: ReadonlySet<string>,
): Promise<ReadonlyMap<string, ScannedFile>> {
  const storeName = basename(store.storePath);
  const files = new Map<string, ScannedFile>();
  for (const name of await listNames(store.sessionsDir)) {
    if (ownLocks.has(name)) continue;
    const stats = await lstatIfThere(join(store.sessionsDir, name));
    if (stats === undefined || stats.isDirectory()) continue;
    files.set(name, { name, ...classifyFileName(name, storeName), ...describeStats(stats) });
  }
  return files;
}

async function scanPrompts(sessionsDir: string): Promise<SkillPrompts> {
  const names = await glob('skills-prompts/sha256/[0-9a-f][0-9a-f]/*.txt', {
    cwd: sessionsDir,
    followSymbolicLinks: false,
  });
  let diskBytes = 0;
  for (const name of names) diskBytes += describeDisk(await lstatIfThere(join(sessionsDir, name)));
  return { files: names.length, diskBytes, hashes: new Set(names.map((name) => basename(name, '.txt'))) };
}

function describeDisk(stats: BigIntStats | undefined): number {
  return stats === undefined ? 0 : Number(stats.blocks) * 512;
}
