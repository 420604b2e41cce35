import { createHash, type Hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ClawbackError, describe, errnoOf } from '../errors.ts';
import { type FileFolders, pathOf } from '../manifest/file-place.ts';
import { describeStats, sameIdentity } from '../scan/scan.ts';
import type { SourceFile } from './task.ts';

/** The session whose file was not what the plan saw, so that the batch can go on without it. */
export class SourceFault extends Error {
  readonly session: number;
  readonly reason: ClawbackError;
  constructor(session: number, reason: ClawbackError) {
    super(reason.message);
    this.session = session;
    this.reason = reason;
  }
}

/**
 * Reads the files of a batch once, front to back, and hashes them on the way. Synchronous: it runs in a
 * worker thread. Holds one file open at a time.
 */
export class SourceReader {
  readonly #folders: FileFolders;
  #open: { descriptor: number; source: SourceFile; session: number; hash: Hash; read: number } | undefined;

  constructor(folders: FileFolders) {
    this.#folders = folders;
  }

  /** @throws {SourceFault} if the file is not the one that the plan saw. */
  begin(source: SourceFile, session: number): void {
    const path = pathOf(source, this.#folders);
    let descriptor: number;
    try {
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      throw fault(session, source, errnoOf(error) === 'ENOENT' ? 'it is gone' : describe(error), error);
    }
    this.#open = { descriptor, source, session, hash: createHash('sha256'), read: 0 };
    this.#assertUnchanged();
  }

  /** Fills `target` with the next bytes of the open file. */
  read(target: Uint8Array): void {
    const open = this.#opened();
    let filled = 0;
    while (filled < target.length) {
      const position = open.read + filled;
      const count = this.#asking(() =>
        readSync(open.descriptor, target, filled, target.length - filled, position),
      );
      if (count === 0) throw fault(open.session, open.source, 'it became shorter');
      filled += count;
    }
    open.read += filled;
    open.hash.update(target);
  }

  /** Ends the open file and returns its SHA-256. @throws {SourceFault} if it changed while it was read. */
  end(): string {
    const open = this.#opened();
    this.#assertUnchanged();
    this.close();
    return open.hash.digest('hex');
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.descriptor);
    this.#open = undefined;
  }

  #assertUnchanged(): void {
    const { descriptor, source, session } = this.#opened();
    const found = describeStats(this.#asking(() => fstatSync(descriptor, { bigint: true })));
    if (!found.isPlain) throw fault(session, source, 'it is not a plain file any more');
    if (!sameIdentity(found.identity, source.identity))
      throw fault(session, source, 'it changed since the plan');
  }

  /** A file that cannot be read to its end costs its own session, not the batch. */
  #asking<Result>(call: () => Result): Result {
    try {
      return call();
    } catch (error) {
      const { session, source } = this.#opened();
      throw fault(session, source, describe(error), error);
    }
  }

  #opened() {
    if (this.#open === undefined) throw new ClawbackError('internal', 'read a source file: none is open');
    return this.#open;
  }
}

function fault(session: number, source: SourceFile, why: string, cause?: unknown): SourceFault {
  const code = why.startsWith('it ') ? 'source-changed' : 'source-unreadable';
  return new SourceFault(
    session,
    new ClawbackError(code, `archive ${source.name}: ${why}`, {
      cause,
      hint: 'it is kept; the next run looks again',
    }),
  );
}
