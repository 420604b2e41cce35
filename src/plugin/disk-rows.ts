import { readFileSync } from 'node:fs';
import { ClawbackError, errnoOf } from '../errors.ts';
import type { Row } from '../sessions/session-store.ts';

/** The rows of one sessions.json as they are on the disk at this instant. */
export interface DiskRows {
  /** Undefined: no such row. */
  get(sessionKey: string): Row | undefined;
}

/**
 * Reads in one synchronous step, so that nothing of this process can come between the look and the change. The
 * gateway's own rows will not do: they carry fields that are derived when a store is loaded.
 *
 * @throws {ClawbackError} `store-unreadable`: the gateway would take such a file for an empty store, we do not.
 */
export function readDiskRows(path: string): DiskRows {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // The message of a syntax error quotes the text around it.
    throw unreadable(path, errnoOf(error) ?? 'not valid JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw unreadable(path, 'not an object with a row per session key');
  }
  const rows: object = parsed;
  return {
    get: (sessionKey) => {
      const row = Object.getOwnPropertyDescriptor(rows, sessionKey)?.value as unknown;
      return typeof row === 'object' && row !== null && !Array.isArray(row) ? (row as Row) : undefined;
    },
  };
}

function unreadable(path: string, why: string): ClawbackError {
  return new ClawbackError('store-unreadable', `read ${path} inside the gateway: ${why}`, {
    hint: 'nothing was written; look at the file before the gateway saves it again',
  });
}
