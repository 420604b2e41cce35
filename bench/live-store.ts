import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { writeSlackStore } from '../src/demo/slack-store.ts';
import type { SyntheticStore, SyntheticStoreOptions } from '../src/demo/synthetic-store.ts';
import { tombstoneMark } from '../src/sessions/row.ts';
import type { Row } from '../src/sessions/session-store.ts';

export type Rows = Readonly<Record<string, Row>>;

/** A store of 584 rows (10 MB) whose transcripts are small. */
export interface LiveStore extends SyntheticStore {
  readonly before: Rows;
  /** Keys of young conversations that a writer may write to. */
  readonly young: readonly string[];
  /** Keys of conversations that a run with `protectedPruneAfter: 7d` archives: a day more, so that time may pass. */
  readonly old: readonly string[];
}

const DAY_MS = 86_400_000;
const WRITTEN_ROWS = 20;

/** Lines of a table in each row that make the store of 584 rows about 10 MB. */
const TOOLS = 105;

export async function writeLiveStore(
  options: Pick<SyntheticStoreOptions, 'stateDir' | 'seed' | 'blockers'>,
): Promise<LiveStore> {
  const store = await writeSlackStore({ nowMs: Date.now(), sizeScale: 0.002, orphans: false, ...options });
  const before = enlarge(await readRows(store.storePath));
  await writeFile(store.storePath, JSON.stringify(before, null, 2), { mode: 0o600 });
  const free = store.sessions.filter(({ blocker }) => blocker === undefined);
  const young = free.filter(({ ageMs }) => ageMs < DAY_MS).slice(0, WRITTEN_ROWS);
  const old = free.filter(({ ageMs }) => ageMs > 8 * DAY_MS);
  const keysOf = (sessions: typeof free) => sessions.map(({ sessionKey }) => sessionKey);
  return { ...store, before, young: keysOf(young), old: keysOf(old) };
}

export async function readRows(storePath: string): Promise<Rows> {
  return JSON.parse(await readFile(storePath, 'utf8')) as Rows;
}

/** How many rows are no tombstones and yet have lost the transcript that they had before. */
export async function countTranscriptsGone({ before, sessionsDir }: LiveStore, rows: Rows): Promise<number> {
  const names = await readdir(sessionsDir);
  const isLive = (key: string) => tombstoneMark(rows[key] ?? {}) === undefined;
  return Object.entries(before).filter(([key, row]) => isLive(key) && !hasTranscript(row, names)).length;
}

/** Under its own name, or beside it where the conversation has begun another. */
function hasTranscript({ sessionFile }: Row, names: readonly string[]): boolean {
  if (typeof sessionFile !== 'string') return true;
  const name = basename(sessionFile);
  return names.some((one) => one === name || one.startsWith(`${name}.reset.`));
}

/** Rows as large as the real ones, whose transcripts alone are small here. */
function enlarge(rows: Rows): Rows {
  const entries = Array.from({ length: TOOLS }, (_, n) => ({
    name: `tool_${n}`,
    summaryChars: 40 + n,
    schemaChars: 9 * n,
  }));
  const enlarged = Object.entries(rows).map(([key, row]) => {
    const report = row.systemPromptReport as object | undefined;
    return [
      key,
      report === undefined ? row : { ...row, systemPromptReport: { ...report, skillTables: { entries } } },
    ];
  });
  return Object.fromEntries(enlarged) as Rows;
}
