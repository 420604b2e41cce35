import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ClawbackError, describe, errnoOf } from '../errors.ts';

/** Tables are declared in the first pages of a database; an agent's, when it is migrated, is small. */
const SEARCHED_BYTES = 16 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
/** SQLite keeps a declaration as text, with these words in front of the name. */
const DECLARATION = /CREATE TABLE ["'`[]?session_nodes\b/;
const OVERLAP_BYTES = 64;

/**
 * Whether OpenClaw 2026.8.1 or later has taken this agent's sessions over into
 * SQLite, and what shows it. The database is read as bytes, not opened: that
 * needs no SQLite in the runtime and cannot disturb a gateway that has it open.
 *
 * @throws {ClawbackError} `store-unreadable` if it cannot be told.
 */
export async function findMigrationMarker(
  agentDir: string,
  sessionsDir: string,
): Promise<string | undefined> {
  try {
    const archive = join(agentDir, 'session-sqlite-import-archive');
    if (await exists(archive)) return `${archive} exists`;
    const database = join(agentDir, 'agent', 'openclaw-agent.sqlite');
    for (const file of [database, `${database}-wal`]) {
      if (await declaresSessions(file)) return `${file} has a table session_nodes`;
    }
    const imported = (await namesIn(sessionsDir)).find((name) =>
      name.startsWith('legacy-store.sessions.json.imported-'),
    );
    return imported === undefined ? undefined : `${join(sessionsDir, imported)} exists`;
  } catch (error) {
    throw new ClawbackError('store-unreadable', `look for a migration of ${agentDir}: ${describe(error)}`, {
      hint: 'run clawback as the user that runs OpenClaw',
      cause: error,
    });
  }
}

async function declaresSessions(path: string): Promise<boolean> {
  const stats = await orAbsent(stat(path));
  if (!stats?.isFile()) return false;
  const handle = await open(path);
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (let position = 0; position < SEARCHED_BYTES; position += CHUNK_BYTES - OVERLAP_BYTES) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, position);
      if (DECLARATION.test(buffer.toString('latin1', 0, bytesRead))) return true;
      if (bytesRead < CHUNK_BYTES) return false;
    }
    return false;
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return (await orAbsent(stat(path))) !== undefined;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await orAbsent(readdir(folder))) ?? [];
}

async function orAbsent<Result>(reading: Promise<Result>): Promise<Result | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
