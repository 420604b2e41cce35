import { createHash } from 'node:crypto';
import { readdir, readFile, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type OpenClawHome, type Row, readRows, writeRows } from './home.ts';

/** What must come back of a file: bytes, permission bits and the moment of its last change. */
export interface FileState {
  readonly sha256: string;
  readonly mode: string;
  /** Whole milliseconds: Node takes mtimes as seconds in a double, so the last quarter microsecond is lost. */
  readonly mtimeMs: number;
}

/** Every file of the sessions folder but the store itself, by path. */
export async function readFileStates(home: OpenClawHome): Promise<Record<string, FileState>> {
  const states: Record<string, FileState> = {};
  for (const name of await listFiles(home)) {
    const path = join(home.sessionsDir, name);
    const { mode, mtimeMs } = await stat(path);
    states[name] = {
      sha256: createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
      mode: (mode & 0o777).toString(8),
      mtimeMs: Math.floor(mtimeMs),
    };
  }
  return states;
}

/** The files of one session, by the session id in their names. */
export function filesOfSession(
  states: Record<string, FileState>,
  sessionId: unknown,
): Record<string, FileState> {
  const id = String(sessionId);
  return Object.fromEntries(Object.entries(states).filter(([name]) => name.startsWith(id)));
}

/** Makes everything in the sessions folder older by `byMs`. Only while no gateway runs. */
export async function ageSessions(home: OpenClawHome, byMs: number): Promise<void> {
  const rows = Object.entries(await readRows(home)).map(([key, row]) => [key, agedRow(row, byMs)] as const);
  await writeRows(home, Object.fromEntries(rows));
  for (const name of await listFiles(home)) {
    const path = join(home.sessionsDir, name);
    // In the middle of a millisecond, so that rounding never carries it into the next one.
    const agedMs = Math.floor((await stat(path)).mtimeMs) - byMs + 0.5;
    await utimes(path, agedMs / 1000, agedMs / 1000);
  }
}

/** Every number that is a moment of these years; releases add such fields. */
function agedRow(row: Row, byMs: number): Row {
  const isDate = (value: unknown) => typeof value === 'number' && value > 1.6e12 && value < 2.2e12;
  const aged = Object.entries(row).map(([field, value]) => [
    field,
    isDate(value) ? Number(value) - byMs : value,
  ]);
  return Object.fromEntries(aged) as Row;
}

async function listFiles(home: OpenClawHome): Promise<string[]> {
  const entries = await readdir(home.sessionsDir, { recursive: true, withFileTypes: true });
  return (
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(home.sessionsDir.length + 1))
      // Locks and half-written versions come and go with every turn.
      .filter((name) => name !== 'sessions.json' && !/\.(?:lock|tmp)$/.test(name))
      .sort()
  );
}
