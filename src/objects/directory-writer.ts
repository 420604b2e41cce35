import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ClawbackError, errnoOf } from '../errors.ts';
import { alreadyExists, checkSignal, writerIsDone } from './checks.ts';
import { translatingWrite } from './directory-errors.ts';
import { fileHolds, lstatIfAny, makeFolders, syncFolder } from './directory-files.ts';
import type { ObjectWriter, StoredObject } from './object-store.ts';

export interface DirectoryContext {
  readonly root: string;
  /** Folders whose own name this process has synced. */
  readonly synced: Set<string>;
  readonly hardLinks: boolean;
}

/** File systems without hard links (FAT, some network mounts) answer one of these. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

// A hidden name beside the final one: no key reaches it, since segments never start with a dot, and
// it is on the same file system. The name keeps enough of the key to tell whose leftover it is.
const TEMPORARY = /^\.(.+)\.[0-9a-f]{16}\.tmp$/;
const KEPT_NAME_CHARACTERS = 200;

/** What is left of the last segment of a key in the name of its temporary file, or undefined. */
export function temporaryFor(name: string): string | undefined {
  return TEMPORARY.exec(name)?.[1];
}

/** Writes beside the final place, syncs, then links the finished file into place. */
export class DirectoryWriter implements ObjectWriter {
  readonly #context: DirectoryContext;
  readonly #key: string;
  readonly #doing: string;
  readonly #signal: AbortSignal | undefined;
  readonly #hash = createHash('sha256');
  #size = 0;
  #isDone = false;
  #file: { readonly finalPath: string; readonly path: string; readonly handle: FileHandle } | undefined;

  constructor(context: DirectoryContext, key: string, signal: AbortSignal | undefined) {
    this.#context = context;
    this.#key = key;
    this.#doing = `put object ${key}`;
    this.#signal = signal;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#isDone) throw writerIsDone(this.#doing);
    await translatingWrite(this.#doing, this.#context.root, async () => {
      const { handle } = await this.#open();
      for (let offset = 0; offset < bytes.byteLength; ) {
        checkSignal(this.#doing, this.#signal);
        const { bytesWritten } = await handle.write(bytes, offset, bytes.byteLength - offset);
        offset += bytesWritten;
      }
      this.#hash.update(bytes);
      this.#size += bytes.byteLength;
    });
  }

  async close(): Promise<StoredObject> {
    if (this.#isDone) throw writerIsDone(this.#doing);
    this.#isDone = true;
    return translatingWrite(this.#doing, this.#context.root, async () => {
      const stored = { key: this.#key, size: this.#size, sha256: '' };
      try {
        checkSignal(this.#doing, this.#signal);
        const { handle, path, finalPath } = await this.#open();
        stored.sha256 = this.#hash.digest('hex');
        await handle.sync();
        await this.#place(path, finalPath, stored);
        await this.#discard();
        await syncFolder(dirname(finalPath));
      } finally {
        await this.#discard();
      }
      return stored;
    });
  }

  async abort(): Promise<void> {
    this.#isDone = true;
    await translatingWrite(this.#doing, this.#context.root, () => this.#discard());
  }

  async #open() {
    if (this.#file !== undefined) return this.#file;
    checkSignal(this.#doing, this.#signal);
    const { root, synced } = this.#context;
    const finalPath = await makeFolders(this.#doing, root, this.#key, synced);
    const kept = basename(finalPath).slice(0, KEPT_NAME_CHARACTERS);
    const path = join(dirname(finalPath), `.${kept}.${randomBytes(8).toString('hex')}.tmp`);
    this.#file = { finalPath, path, handle: await open(path, 'wx', 0o600) };
    return this.#file;
  }

  async #place(path: string, finalPath: string, stored: StoredObject): Promise<void> {
    const taken = await this.#isTaken(path, finalPath);
    if (!taken) return;
    if (taken.isDirectory()) {
      throw new ClawbackError(
        'object-invalid-key',
        `${this.#doing}: other keys continue this one with a slash`,
        {
          hint: 'in a directory a key cannot be an object and a folder at once',
        },
      );
    }
    if (!(await fileHolds(this.#doing, finalPath, stored, this.#signal))) throw alreadyExists(this.#doing);
  }

  /** Moves the finished file into place, or returns what is already there. */
  async #isTaken(path: string, finalPath: string) {
    if (this.#context.hardLinks) {
      try {
        await link(path, finalPath);
        return undefined;
      } catch (error) {
        const errno = errnoOf(error) ?? '';
        if (errno === 'EEXIST') return lstatIfAny(finalPath);
        if (!NO_HARD_LINKS.has(errno)) throw error;
      }
    }
    // Rename replaces, so another writer of this very key in this very moment could lose; the one
    // archiver per instance that the lock allows never writes a key twice at once.
    const existing = await lstatIfAny(finalPath);
    if (existing === undefined) await rename(path, finalPath);
    return existing;
  }

  async #discard(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    await file.handle.close();
    try {
      await unlink(file.path);
    } catch (error) {
      // The rename took it.
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
}
