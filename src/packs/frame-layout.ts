import type { FileKind } from '../manifest/manifest.ts';
import { TAR_END, type TarFile, tarHeader, tarPadding } from './tar-entry.ts';

/** Raw bytes of a frame at most. Trajectories repeat the same system prompt: cutting them earlier costs ratio. */
export const FRAME_BYTES = 8 * 1024 * 1024;

/** Raw bytes of a transcript's frame at most: reading one decodes little; the cut costs 0.2 % of size. */
export const TRANSCRIPT_FRAME_BYTES = 4 * 1024 * 1024;

export interface LayoutFile extends TarFile {
  /** A transcript begins and ends its frames: reading it decodes nothing else. */
  readonly isTranscript: boolean;
}

/** Kinds that hold a conversation: they get frames of their own. */
const TRANSCRIPTS = new Set<FileKind>(['transcript', 'reset', 'deleted', 'backup']);

export function isTranscript({ kind }: { readonly kind: FileKind }): boolean {
  return TRANSCRIPTS.has(kind);
}

/** A run of raw bytes of a frame: literal ones, or a part of a file. */
export type Piece =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly file: number; readonly offset: number; readonly length: number };

export interface FrameLayout {
  readonly rawBytes: number;
  readonly pieces: readonly Piece[];
}

export interface PackLayout {
  readonly frames: readonly FrameLayout[];
  readonly rawBytes: number;
  /** Per input file: the frame that holds its first byte, and where in the frame's raw bytes. */
  readonly places: readonly { readonly frame: number; readonly offset: number }[];
}

/**
 * Cuts a tar of these files, in this order, into frames. Pure: sizes are known, contents are not looked at.
 * An empty file's place is where its bytes would stand.
 */
export function layoutFrames(files: readonly LayoutFile[]): PackLayout {
  const frames: { rawBytes: number; pieces: Piece[] }[] = [];
  const places: { frame: number; offset: number }[] = [];
  let current: { rawBytes: number; pieces: Piece[] } | undefined;

  const frameWithRoom = (limit: number) => {
    if (current === undefined || current.rawBytes >= limit) {
      current = { rawBytes: 0, pieces: [] };
      frames.push(current);
    }
    return current;
  };
  const add = (frame: { rawBytes: number; pieces: Piece[] }, piece: Piece, length: number) => {
    frame.pieces.push(piece);
    frame.rawBytes += length;
  };

  for (const [index, file] of files.entries()) {
    const limit = file.isTranscript ? TRANSCRIPT_FRAME_BYTES : FRAME_BYTES;
    if (file.isTranscript) current = undefined;
    const header = tarHeader(file);
    add(frameWithRoom(limit - header.length), { kind: 'bytes', bytes: header }, header.length);
    let offset = 0;
    do {
      const frame = frameWithRoom(limit);
      if (offset === 0) places.push({ frame: frames.length - 1, offset: frame.rawBytes });
      const length = Math.min(file.size - offset, limit - frame.rawBytes);
      if (length > 0) add(frame, { kind: 'file', file: index, offset, length }, length);
      offset += length;
    } while (offset < file.size);
    const padding = tarPadding(file.size);
    // Padding may exceed the limit by less than a block, which is why frames hold "about" that much.
    if (padding > 0 && current) add(current, { kind: 'bytes', bytes: TAR_END.subarray(0, padding) }, padding);
    if (file.isTranscript) current = undefined;
  }
  if (frames.length > 0) {
    const last = frames.at(-1) as { rawBytes: number; pieces: Piece[] };
    add(last, { kind: 'bytes', bytes: TAR_END }, TAR_END.length);
  }
  return { frames, rawBytes: frames.reduce((sum, frame) => sum + frame.rawBytes, 0), places };
}

/** An upper bound of any frame's raw bytes: the limit, a block of padding and the end of the tar. */
export const MAX_FRAME_BYTES = FRAME_BYTES + 512 + TAR_END.length;
