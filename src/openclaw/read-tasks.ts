import type { Stats } from 'node:fs';
import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { describe, errnoOf } from '../errors.ts';
import type { EvidenceCollector } from './activity-evidence.ts';

const KEY_COLUMNS = ['owner_key', 'requester_session_key', 'child_session_key'];
/** How long to wait for a gateway that is writing. */
const BUSY_TIMEOUT_MS = 2_000;

/** Why nothing can be read on an older Node. */
export const NEEDS_SQLITE = `needs SQLite, which is in Node 22.13 and later, and this is Node ${process.versions.node}`;

/** Tasks that wait or run: every turn of an agent is one. */
export async function readTasks(evidence: EvidenceCollector): Promise<void> {
  const path = join(evidence.stateDir, 'tasks', 'runs.sqlite');
  try {
    const stats = await statIfPresent(path);
    if (!stats) return;
    if (!stats.isFile()) {
      evidence.addUnreadable(path, 'is not a regular file');
      return;
    }
    const sqlite = await importSqlite();
    if (!sqlite) {
      evidence.addUnreadable(path, NEEDS_SQLITE);
      return;
    }
    await withDatabase(path, sqlite.DatabaseSync, (database) => collect(database, path, evidence));
  } catch (error) {
    evidence.addUnreadable(path, describe(error));
  }
}

function collect(database: DatabaseSync, path: string, evidence: EvidenceCollector): void {
  const rows = database.prepare("SELECT * FROM task_runs WHERE status IN ('queued', 'running')").all();
  for (const row of rows) {
    // A task without a session is the system's own.
    for (const column of KEY_COLUMNS) evidence.addKey(row[column], 'running-task', path);
  }
  const columns = database.prepare("SELECT name FROM pragma_table_info('task_runs')").all();
  if (!columns.some(({ name }) => KEY_COLUMNS.includes(String(name)))) {
    evidence.addUnreadable(path, 'has no column with session keys');
  }
}

/**
 * A database that a gateway has open (its `-shm` is there) is read in place, which
 * takes a shared lock and writes nothing. Any other is read from a private copy:
 * SQLite would leave a `-wal` and a `-shm` beside the original even when it opens
 * it for reading only, and cannot open it at all in a folder that is read-only.
 */
async function withDatabase(
  path: string,
  Database: typeof DatabaseSync,
  use: (database: DatabaseSync) => void,
): Promise<void> {
  if (await statIfPresent(`${path}-shm`)) {
    useAndClose(new Database(path, { readOnly: true }), use);
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'clawback-tasks-'));
  try {
    for (const suffix of ['', '-wal', '-journal']) {
      if (await statIfPresent(path + suffix))
        await copyFile(path + suffix, join(folder, basename(path) + suffix));
    }
    useAndClose(new Database(join(folder, basename(path))), use);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function useAndClose(database: DatabaseSync, use: (database: DatabaseSync) => void): void {
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    use(database);
  } finally {
    database.close();
  }
}

/** Node 20 has no `node:sqlite`, and Node 22 before 22.13 only behind a flag. */
async function importSqlite(): Promise<typeof import('node:sqlite') | undefined> {
  try {
    return await import('node:sqlite');
  } catch (error) {
    if (errnoOf(error) === 'ERR_UNKNOWN_BUILTIN_MODULE') return undefined;
    throw error;
  }
}

async function statIfPresent(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
