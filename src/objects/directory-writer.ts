import { createHash } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ClawbackError, errnoOf } from '../errors.ts';
import { alreadyExists, checkSignal, writerIsDone } from './checks.ts';
import { translatingWrite } from './directory-errors.ts';
import { fileHolds, makeFolders, syncFolder } from './directory-files.ts';
import { placeFile, temporaryPath } from './directory-place.ts';
import type { ObjectWriter, StoredObject } from './object-store.ts';

export interface DirectoryContext {
  readonly root: string;
  /** Folders whose own name this process has synced. */
  readonly synced: Set<string>;
  readonly hardLinks: boolean;
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
    const path = temporaryPath(finalPath);
    this.#file = { finalPath, path, handle: await open(path, 'wx', 0o600) };
    return this.#file;
  }

  async #place(path: string, finalPath: string, stored: StoredObject): Promise<void> {
    const taken = await placeFile(this.#doing, path, finalPath, this.#context.hardLinks);
    if (taken === undefined) return;
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
