import { unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClawbackError, errnoOf } from '../errors.ts';
import { checkKey, checkPrefix, checkRange, checkSignal, notFound, tooShort } from './checks.ts';
import { notRegular, symlinkRefused, translating } from './directory-errors.ts';
import { findFolders, lstatIfAny, openRegular, readFully, syncFolder } from './directory-files.ts';
import { listFiles } from './directory-list.ts';
import { type DirectoryContext, DirectoryWriter } from './directory-writer.ts';
import type { ByteRange, ObjectStat, ObjectStore, ObjectWriter, StoredObject } from './object-store.ts';

/**
 * Objects as files below one folder, made on the first write: folders 0700,
 * files 0600, each synced with its folder before `put` returns. The root may be
 * a symbolic link, nothing below it may.
 */
export class DirectoryObjectStore implements ObjectStore {
  readonly url: string;
  readonly #context: DirectoryContext;

  /** @throws {ClawbackError} `config-invalid` if the URL names no folder of its own. */
  static open(url: string): DirectoryObjectStore {
    return new DirectoryObjectStore(url, rootOf(url));
  }

  /** @param options.hardLinks false where the file system is known to have none. @default true */
  constructor(url: string, root: string, options: { readonly hardLinks?: boolean } = {}) {
    this.url = url;
    this.#context = { root, synced: new Set(), hardLinks: options.hardLinks ?? true };
  }

  async put(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<StoredObject> {
    const writer = this.createWriter(key, signal);
    try {
      await writer.write(bytes);
      return await writer.close();
    } finally {
      await writer.abort();
    }
  }

  createWriter(key: string, signal?: AbortSignal): ObjectWriter {
    checkKey('put object', key);
    return new DirectoryWriter(this.#context, key, signal);
  }

  async get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    const doing = `get object ${key}`;
    checkKey('get object', key);
    checkRange(doing, range);
    return translating(doing, this.#context.root, async () => {
      const path = await this.#find(doing, key, signal);
      const { handle, size } = await openRegular(doing, path);
      try {
        const { offset, length } = range ?? { offset: 0, length: size };
        if (offset + length > size) throw tooShort(doing, Math.max(0, size - offset), length);
        const bytes = Buffer.allocUnsafe(length);
        const count = await readFully(doing, handle, bytes, offset, signal);
        if (count < length) throw tooShort(doing, count, length);
        return bytes;
      } finally {
        await handle.close();
      }
    });
  }

  async stat(key: string, signal?: AbortSignal): Promise<ObjectStat> {
    const doing = `stat object ${key}`;
    checkKey('stat object', key);
    return translating(doing, this.#context.root, async () => {
      const path = await this.#find(doing, key, signal);
      const { handle, size } = await openRegular(doing, path);
      await handle.close();
      return { key, size };
    });
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectStat> {
    checkPrefix('list objects', prefix);
    for await (const { key, size } of listFiles(this.#context.root, prefix, 'objects', signal)) {
      yield { key, size };
    }
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    const doing = `delete object ${key}`;
    checkKey('delete object', key);
    checkSignal(doing, signal);
    await translating(doing, this.#context.root, async () => {
      const path = await findFolders(doing, this.#context.root, key);
      const stats = path === undefined ? undefined : await lstatIfAny(path);
      if (path === undefined || stats === undefined || stats.isDirectory()) return;
      if (stats.isSymbolicLink()) throw symlinkRefused(doing);
      if (!stats.isFile()) throw notRegular(doing);
      await unlinkIfAny(path);
      await syncFolder(dirname(path));
    });
  }

  async *openUploads(prefix: string, signal?: AbortSignal): AsyncGenerator<string> {
    checkPrefix('list uploads', prefix);
    for await (const { key } of listFiles(this.#context.root, prefix, 'temporaries', signal)) yield key;
  }

  async abortStaleUploads(prefix: string, signal?: AbortSignal): Promise<number> {
    checkPrefix('abort uploads', prefix);
    let count = 0;
    for await (const { path } of listFiles(this.#context.root, prefix, 'temporaries', signal)) {
      await translating(`abort uploads ${prefix}`, this.#context.root, () => unlinkIfAny(path));
      count += 1;
    }
    return count;
  }

  /** @throws {ClawbackError} `object-not-found` also where a folder of other keys has that name. */
  async #find(doing: string, key: string, signal: AbortSignal | undefined): Promise<string> {
    checkSignal(doing, signal);
    const path = await findFolders(doing, this.#context.root, key);
    const stats = path === undefined ? undefined : await lstatIfAny(path);
    if (path === undefined || stats === undefined || stats.isDirectory()) throw notFound(doing);
    if (stats.isSymbolicLink()) throw symlinkRefused(doing);
    return path;
  }
}

async function unlinkIfAny(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** The folder that a `file://` URL names. @throws {ClawbackError} `config-invalid` if it names none of its own. */
export function rootOf(url: string): string {
  const problem = (cause?: unknown) =>
    new ClawbackError('config-invalid', 'open archive: not the URL of a folder', {
      hint: 'use file:/// and the absolute path of a folder of its own, with ? and # spelled %3F and %23',
      cause,
    });
  if (!url.startsWith('file:///') || /[?#]|%00/.test(url)) throw problem();
  let root: string;
  try {
    root = fileURLToPath(url);
  } catch (error) {
    throw problem(error);
  }
  const trimmed = root.replace(/[\\/]+$/, '');
  if (trimmed === '' || /^[A-Za-z]:$/.test(trimmed)) throw problem();
  return trimmed;
}
