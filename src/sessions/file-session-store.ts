import { randomUUID } from 'node:crypto';
import { type BigIntStats, lstatSync, renameSync } from 'node:fs';
import { constants, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ClawbackError, errnoOf } from '../errors.ts';
import { rowSha256 } from './canonical-json.ts';
import type { Row, RowChange, RowOutcome, SessionStore, StoreSnapshot } from './session-store.ts';
import { StoreText } from './store-text.ts';
import { syncDirectory } from './sync-directory.ts';

/** How often a commit starts again because sessions.json changed between its read and its rename. */
const ATTEMPTS = 5;

/**
 * OpenClaw's sessions.json, releases up to 2026.7.35. There is no cross-process lock on it: a commit
 * re-reads, splices, writes a temporary file, looks once more whether the file is the one it read, and renames.
 */
export class FileSessionStore implements SessionStore {
  readonly kind = 'file';
  readonly path: string;

  readonly #settleMs: number;

  /**
   * @param options.settleMs how long a live gateway gets to overwrite a commit before it counts: one that
   *   read the file before our rename writes back what it read. @default 0
   */
  constructor(path: string, options: { readonly settleMs?: number } = {}) {
    this.path = path;
    this.#settleMs = options.settleMs ?? 0;
  }

  async read(): Promise<StoreSnapshot> {
    return this.#parse((await this.#load()).text);
  }

  #parse(text: string): StoreSnapshot {
    const all = StoreText.parse(text, this.path).rows;
    // Copies without their text: a plan keeps the rows, and each row's text would keep the whole file in memory.
    const rows = all
      .filter(({ row }) => typeof row === 'object' && row !== null && !Array.isArray(row))
      .map(({ sessionKey, row }) => ({ sessionKey, row }));
    return { rows, malformedRows: all.length - rows.length, bytes: Buffer.byteLength(text) };
  }

  async commit(changes: readonly RowChange[]): Promise<ReadonlyMap<string, RowOutcome>> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const { text, stats } = await this.#load();
      const store = StoreText.parse(text, this.path);
      const { outcomes, accepted } = decide(store, changes);
      if (accepted.size === 0) return outcomes;
      const written = store.with(accepted);
      if (!(await this.#tryReplace(written, stats))) continue;
      if (this.#settleMs > 0) await delay(this.#settleMs);
      return this.#confirm(outcomes, accepted, written);
    }
    throw new ClawbackError(
      'store-busy',
      `commit ${changes.length} rows to ${this.path}: it changed ${ATTEMPTS} times while we looked`,
      {
        hint: 'stop the gateway, or run again at a quieter moment; no row was changed and no file removed',
        retryable: true,
      },
    );
  }

  /** Reads through one descriptor, so that text and identity belong together. */
  async #load(): Promise<{ text: string; stats: BigIntStats }> {
    // O_NOFOLLOW: a symlinked store is never written through, and a rename would replace the link.
    // O_NONBLOCK: opening a fifo would wait for a writer.
    const file = await open(
      this.path,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    ).catch((error: unknown) => {
      const code = errnoOf(error);
      if (code === 'ELOOP') throw this.#notRegular('a symbolic link');
      throw new ClawbackError('store-unreadable', `read ${this.path}: ${code ?? 'not readable'}`, {
        cause: error,
      });
    });
    try {
      const stats = await file.stat({ bigint: true });
      if (!stats.isFile()) throw this.#notRegular('not a regular file');
      if (stats.nlink > 1n) throw this.#notRegular(`one file under ${stats.nlink} names`);
      const bytes = await file.readFile();
      return { text: decodeUtf8(bytes, this.path), stats };
    } finally {
      await file.close();
    }
  }

  #notRegular(what: string): ClawbackError {
    return new ClawbackError('store-not-regular', `open ${this.path}: it is ${what}`, {
      hint: 'clawback writes only a plain sessions.json; replace it by the real file',
    });
  }

  async #tryReplace(text: string, before: BigIntStats): Promise<boolean> {
    try {
      return await this.#replace(text, before);
    } catch (error) {
      const code = errnoOf(error);
      if (code === undefined) throw error;
      throw new ClawbackError('store-io', `write ${this.path}: ${code}`, {
        hint:
          code === 'ENOSPC'
            ? `the disk is full; free ${Math.ceil(Buffer.byteLength(text) / 1024 / 1024)} MB beside sessions.json and run again: no row was changed`
            : 'check the permissions of the sessions folder; no row was changed',
        cause: error,
      });
    }
  }

  /** Returns false, with nothing changed, if sessions.json is no longer the file that `before` describes. */
  async #replace(text: string, before: BigIntStats): Promise<boolean> {
    // The name that OpenClaw itself uses and cleans up should we die here.
    const temporary = `${this.path}.${process.pid}.${randomUUID()}.tmp`;
    try {
      const file = await open(temporary, 'wx', Number(before.mode & 0o777n));
      try {
        await file.writeFile(text);
        await file.chmod(Number(before.mode & 0o7777n));
        if (process.getuid?.() === 0) await file.chown(Number(before.uid), Number(before.gid));
        await file.sync();
      } finally {
        await file.close();
      }
      // Synchronous, one right after the other: between the look and the rename lies the only moment in which
      // another process's write could be lost.
      if (!isSameFile(before, lstatSync(this.path, { bigint: true }))) return false;
      renameSync(temporary, this.path);
    } finally {
      await rm(temporary, { force: true });
    }
    await syncDirectory(dirname(this.path));
    return true;
  }

  /** Reads again: what another writer overwrote in the meantime is `changed`, whatever we believe to have written. */
  async #confirm(
    outcomes: Map<string, RowOutcome>,
    accepted: ReadonlyMap<string, Row | null>,
    written: string,
  ): Promise<ReadonlyMap<string, RowOutcome>> {
    const { text } = await this.#load();
    if (text === written) return outcomes;
    const rows = new Map(this.#parse(text).rows.map(({ sessionKey, row }) => [sessionKey, row]));
    for (const [sessionKey, wanted] of accepted) {
      const found = rows.get(sessionKey);
      const holds =
        wanted === null ? found === undefined : found !== undefined && rowSha256(found) === rowSha256(wanted);
      if (!holds) outcomes.set(sessionKey, 'changed');
    }
    return outcomes;
  }
}

function decide(store: StoreText, changes: readonly RowChange[]) {
  const rows = new Map(store.rows.map(({ sessionKey, row }) => [sessionKey, row]));
  const outcomes = new Map<string, RowOutcome>();
  const accepted = new Map<string, Row | null>();
  for (const { sessionKey, expectSha256, replaceWith } of changes) {
    const row = rows.get(sessionKey);
    if (row === undefined && expectSha256 !== null) outcomes.set(sessionKey, 'gone');
    else if (row !== undefined && (expectSha256 === null || rowSha256(row) !== expectSha256))
      outcomes.set(sessionKey, 'changed');
    else {
      outcomes.set(sessionKey, 'committed');
      accepted.set(sessionKey, replaceWith);
    }
  }
  return { outcomes, accepted };
}

function isSameFile(a: BigIntStats, b: BigIntStats): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    // A replacement character written back would change a row, so broken UTF-8 is refused; a BOM is kept, and refused by the parser.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new ClawbackError('store-unreadable', `read ${path}: not valid UTF-8`, {
      hint: 'nothing was written; restore sessions.json from a backup',
      cause: error,
    });
  }
}
