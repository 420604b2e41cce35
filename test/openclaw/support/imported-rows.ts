import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { OpenClawHome, Row } from './home.ts';

/** A session as a SQLite release keeps it. */
export interface ImportedRow {
  readonly sessionId: string;
  readonly entry: Row;
  /** 1: OpenClaw itself has found it sound. */
  readonly valid: number;
}

/** The sessions of the agent `main` after the import, read without writing a byte. Only while no OpenClaw runs. */
export function readImportedRows(home: OpenClawHome): Record<string, ImportedRow> {
  const path = join(home.stateDir, 'agents', 'main', 'agent', 'openclaw-agent.sqlite');
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = database
      .prepare('SELECT session_key, current_session_id, entry_json, entry_valid FROM session_nodes')
      .all();
    return Object.fromEntries(
      rows.map((row) => [
        String(row.session_key),
        {
          sessionId: String(row.current_session_id),
          entry: JSON.parse(String(row.entry_json)) as Row,
          valid: Number(row.entry_valid),
        },
      ]),
    );
  } finally {
    database.close();
  }
}
