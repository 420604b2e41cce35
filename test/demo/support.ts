import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { SyntheticSession, SyntheticStore } from '../../src/demo/synthetic-store.ts';

export const NOW_MS = Date.parse('2026-11-21T09:30:00.000Z');
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export async function temporaryStateDir(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'clawback-demo-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export type StoredRow = Record<string, unknown> & {
  readonly sessionId: string;
  readonly updatedAt: number;
  readonly lastInteractionAt?: number;
  readonly sessionStartedAt?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly sessionFile?: string;
};

export async function readRows(store: SyntheticStore): Promise<Record<string, StoredRow>> {
  return JSON.parse(await readFile(store.storePath, 'utf8')) as Record<string, StoredRow>;
}

/** Every file below a folder, relative to it, sorted. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** What a row and its files say about when it was last used, without asking the generator. */
export async function newestEvidenceMs(
  store: SyntheticStore,
  row: StoredRow,
  session: SyntheticSession,
): Promise<number> {
  const mtimes = await Promise.all(
    session.files.map(async (name) => (await stat(path.join(store.sessionsDir, name))).mtimeMs),
  );
  const { updatedAt, lastInteractionAt = 0, sessionStartedAt = 0, startedAt = 0, endedAt = 0 } = row;
  return Math.max(updatedAt, lastInteractionAt, sessionStartedAt, startedAt, endedAt, ...mtimes);
}

/** Name, mode, mtime and content of every file, with the folder's own path taken out. */
export async function fingerprint(folder: string): Promise<string[]> {
  return Promise.all(
    (await filesBelow(folder)).map(async (name) => {
      const file = path.join(folder, name);
      const { mode, mtimeMs } = await stat(file);
      const isInSessions = name.startsWith('agents/');
      const text = (await readFile(file, 'latin1')).replaceAll(folder, '');
      const hash = createHash('sha256').update(text).digest('hex');
      return `${name} ${mode.toString(8)} ${isInSessions ? mtimeMs : ''} ${hash}`;
    }),
  );
}

/** Parses every line, checks header and tree, and returns the entries after the header. */
export async function readTranscript(file: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(file, 'utf8');
  if (!text.endsWith('\n')) throw new Error(`${file}: the last line is torn`);
  const [header, ...entries] = text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  if (header?.type !== 'session' || header.version !== 3 || typeof header.id !== 'string') {
    throw new Error(`${file}: no version 3 header`);
  }
  const seen = new Set<unknown>([null]);
  for (const entry of entries) {
    if (!seen.has(entry.parentId)) throw new Error(`${file}: ${entry.id} comes before its parent`);
    if (seen.has(entry.id)) throw new Error(`${file}: ${entry.id} occurs twice`);
    seen.add(entry.id);
  }
  return entries;
}

export async function sizeOf(store: SyntheticStore, name: string): Promise<number> {
  return (await stat(path.join(store.sessionsDir, name))).size;
}
