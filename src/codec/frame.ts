import { ClawbackError } from '../errors.ts';

/** The largest window that the WASM engine's heap takes; no engine writes or reads a larger one. */
export const MAX_WINDOW_LOG = 23;

const MAGIC = 0xfd2fb528;
const MAX_BLOCK_BYTES = 128 * 1024;
const BLOCK_RAW = 0;
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;

/** What the envelope of a zstd frame (RFC 8878, section 3.1.1) says without decoding it. */
export interface FrameShape {
  /** Absent where the engine did not record it (WASM). */
  readonly contentBytes?: number;
  /** The content cannot be longer than this, whatever its blocks hold. */
  readonly boundBytes: number;
}

/**
 * Walks the envelope of one frame, block by block. Both engines accept a truncated frame
 * in some release, and one decodes what stands behind the frame as well; the envelope
 * shows both before anything is decoded.
 *
 * @throws {ClawbackError} `frame-corrupt` unless `frame` is exactly one whole frame with a
 * window of at most 2^23 bytes.
 */
export function inspectFrame(frame: Uint8Array): FrameShape {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  try {
    return walk(view);
  } catch (error) {
    if (error instanceof RangeError) throw frameCorrupt(frame, 'cut short', error);
    throw frameCorrupt(frame, (error as Error).message);
  }
}

export function frameCorrupt(frame: Uint8Array, what: string, cause?: unknown): ClawbackError {
  return new ClawbackError('frame-corrupt', `decode a frame of ${frame.length} bytes: ${what}`, {
    hint: 'run clawback verify --read-data to see what else is damaged',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Reading past the end of `view` is a RangeError. */
function walk(view: DataView): FrameShape {
  if (view.getUint32(0, true) !== MAGIC) throw new Error('not a zstd frame');
  const descriptor = view.getUint8(4);
  if ((descriptor & 0b1000) !== 0) throw new Error('reserved bit set');
  const isSingleSegment = (descriptor & 0b10_0000) !== 0;
  let at = 5;
  let windowBytes = isSingleSegment ? 0 : windowSize(view.getUint8(at++));
  at += [0, 1, 2, 4][descriptor & 0b11] ?? 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const contentBytes = sizeBytes === 0 ? undefined : contentSize(view, at, sizeBytes);
  at += sizeBytes;
  if (isSingleSegment) windowBytes = contentBytes ?? 0;
  if (windowBytes > 2 ** MAX_WINDOW_LOG) throw new Error(`window of ${windowBytes} bytes is too large`);

  let boundBytes = 0;
  for (let isLast = false; !isLast; ) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    isLast = (header & 1) === 1;
    const type = (header >> 1) & 0b11;
    const size = header >> 3;
    if (type === BLOCK_RESERVED || size > MAX_BLOCK_BYTES) throw new Error('block header damaged');
    boundBytes += type === BLOCK_RAW || type === BLOCK_RLE ? size : MAX_BLOCK_BYTES;
    at += 3 + (type === BLOCK_RLE ? 1 : size);
  }
  at += (descriptor & 0b100) === 0 ? 0 : 4;
  if (at > view.byteLength) throw new RangeError('past the end');
  if (at < view.byteLength) throw new Error(`${view.byteLength - at} bytes follow the frame`);
  if (contentBytes === undefined) return { boundBytes };
  if (contentBytes > boundBytes) throw new Error('promises more than its blocks can hold');
  return { contentBytes, boundBytes: contentBytes };
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 0b111);
}

function contentSize(view: DataView, at: number, sizeBytes: number): number {
  if (sizeBytes === 1) return view.getUint8(at);
  if (sizeBytes === 2) return view.getUint16(at, true) + 256;
  if (sizeBytes === 4) return view.getUint32(at, true);
  return Number(view.getBigUint64(at, true));
}
