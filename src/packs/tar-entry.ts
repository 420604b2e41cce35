import { Header, Pax } from 'tar';

const BLOCK = 512;

/** Two zero blocks: what ends a tar. */
export const TAR_END = new Uint8Array(2 * BLOCK);

export interface TarFile {
  /** `<agent>/<file name>`; longer or non-ASCII paths get a pax record. */
  readonly path: string;
  readonly size: number;
  readonly mode: number;
  readonly mtimeMs: number;
}

/** What stands before the file's bytes: a pax record where the plain header cannot say everything, then the header. */
export function tarHeader(file: TarFile): Uint8Array {
  const fields = {
    path: file.path,
    size: file.size,
    mode: file.mode,
    // A tar header holds no moment before 1970; the manifest has the true one.
    mtime: new Date(Math.max(0, file.mtimeMs)),
    type: 'File' as const,
    uid: 0,
    gid: 0,
  };
  const block = Buffer.alloc(BLOCK);
  const needsPax = new Header(fields).encode(block);
  return needsPax ? Buffer.concat([new Pax(fields).encode(), block]) : block;
}

/** Zero bytes after a file of `size` bytes, so that the next header starts on a block. */
export function tarPadding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}
