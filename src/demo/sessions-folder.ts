import { closeSync, existsSync, mkdirSync, openSync, utimesSync, writeSync } from 'node:fs';
import path from 'node:path';
import { ClawbackError } from '../errors.ts';
import type { Row } from './rows.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Writes the files of one sessions folder and keeps the tally. Files go out in
 * chunks, so memory does not depend on their size. Synchronous: five thousand
 * small files take a fraction of the time that promises need for them.
 */
export class SessionsFolder {
  readonly dir: string;
  fileCount = 0;
  bytes = 0;

  /** @throws {ClawbackError} `usage` if the agent has a store already. */
  constructor(stateDir: string, agentId: string) {
    this.dir = path.join(stateDir, 'agents', agentId, 'sessions');
    if (existsSync(this.storePath)) {
      throw new ClawbackError('usage', `write demo store ${this.storePath}: the agent has a store already`, {
        hint: 'choose an empty folder',
      });
    }
    mkdirSync(this.dir, { recursive: true });
  }

  get storePath(): string {
    return this.pathOf('sessions.json');
  }

  pathOf(name: string): string {
    return path.join(this.dir, name);
  }

  /** @param mode 0644 for transcripts, 0600 for everything else, as OpenClaw leaves them. */
  write(name: string, pieces: Iterable<string>, mtimeMs: number, mode = 0o600): void {
    const file = this.pathOf(name);
    if (name.includes('/')) mkdirSync(path.dirname(file), { recursive: true });
    const fd = openSync(file, 'wx', mode);
    try {
      let pending = '';
      for (const piece of pieces) {
        pending += piece;
        if (pending.length >= CHUNK_BYTES) {
          this.bytes += writeAll(fd, pending);
          pending = '';
        }
      }
      this.bytes += writeAll(fd, pending);
    } finally {
      closeSync(fd);
    }
    utimesSync(file, mtimeMs / 1000, mtimeMs / 1000);
    this.fileCount += 1;
  }

  /** Writes sessions.json as OpenClaw does: two spaces, no newline at the end. */
  writeStore(rows: Readonly<Record<string, Row>>, mtimeMs: number): void {
    this.write('sessions.json', [JSON.stringify(rows, null, 2)], mtimeMs);
  }
}

function writeAll(fd: number, text: string): number {
  const bytes = Buffer.from(text);
  let offset = 0;
  while (offset < bytes.length) offset += writeSync(fd, bytes, offset);
  return bytes.length;
}
