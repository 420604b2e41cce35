import type { Codec } from '../codec/codec.ts';
import type { FileFolders } from '../manifest/file-place.ts';
import type { ManifestFile, ManifestPack } from '../manifest/manifest.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { type FrameLayout, isTranscript, layoutFrames, MAX_FRAME_BYTES } from '../packs/frame-layout.ts';
import { type FrameSource, putFrames } from '../packs/put-frames.ts';
import { SourceReader } from './source-files.ts';
import type { SourceFile } from './task.ts';

/** A file of the batch, in pack order. */
export interface PackFile {
  /** Index of its session in the task. */
  readonly session: number;
  readonly source: SourceFile;
  /** Path inside the tar. */
  readonly path: string;
}

/** What was put, not yet proven: `verifyPack` turns it into a `VerifiedPack`. */
export interface StoredPack {
  readonly pack: ManifestPack;
  /** In the order of the input. */
  readonly files: readonly ManifestFile[];
}

/** Told of the raw bytes of every frame that is dealt with. */
export type OnFrame = (rawBytes: number) => void;

export interface PutPackInput {
  readonly key: string;
  readonly folders: FileFolders;
  readonly files: readonly PackFile[];
  readonly level: number;
  readonly onFrame?: OnFrame;
}

/** One per thread. A frame is filled and compressed without a pause, so concurrent tasks can share it. */
let scratch: Buffer | undefined;

/**
 * Packs local files into frames and uploads them while the next frame is made.
 * @throws {SourceFault} with nothing stored, if a file is not what the plan saw.
 */
export async function putPack(
  objects: ObjectStore,
  codec: Codec,
  input: PutPackInput,
  signal?: AbortSignal,
): Promise<StoredPack> {
  const layout = layoutFrames(
    input.files.map(({ source, path }) => ({
      path,
      size: Number(source.identity.size),
      mode: source.mode,
      mtimeMs: source.mtimeMs,
      isTranscript: isTranscript(source),
    })),
  );
  const reader = new SourceReader(input.folders);
  const hashes = new FileHashes(input.files, reader);
  const frames: FrameSource = {
    fill: (frame) => fillFrame(frame, hashes),
    finish: () => hashes.finish(),
  };
  try {
    const pack = await putFrames(
      objects,
      codec,
      { key: input.key, level: input.level, layout, ...(input.onFrame ? { onFrame: input.onFrame } : {}) },
      frames,
      signal,
    );
    const files = input.files.map(({ source }, index) =>
      describeFile(source, hashes.of(index), layout.places[index] ?? null),
    );
    return { pack, files };
  } finally {
    reader.close();
  }
}

function fillFrame(frame: FrameLayout, hashes: FileHashes): Uint8Array {
  scratch ??= Buffer.allocUnsafeSlow(MAX_FRAME_BYTES);
  let used = 0;
  for (const piece of frame.pieces) {
    if (piece.kind === 'bytes') {
      scratch.set(piece.bytes, used);
      used += piece.bytes.length;
    } else {
      hashes.read(piece.file, scratch.subarray(used, used + piece.length));
      used += piece.length;
    }
  }
  return scratch.subarray(0, used);
}

/** Opens each file when its first byte is asked for and closes it when the next one begins. */
class FileHashes {
  readonly #files: readonly PackFile[];
  readonly #reader: SourceReader;
  readonly #digests: string[] = [];

  constructor(files: readonly PackFile[], reader: SourceReader) {
    this.#files = files;
    this.#reader = reader;
  }

  read(file: number, target: Uint8Array): void {
    this.#advanceTo(file);
    this.#reader.read(target);
  }

  /** Ends the last file. Empty files have no piece of their own and are opened on the way. */
  finish(): void {
    this.#advanceTo(this.#files.length);
  }

  of(file: number): string {
    return this.#digests[file] as string;
  }

  #current = -1;

  #advanceTo(file: number): void {
    while (this.#current < file) {
      if (this.#current >= 0) this.#digests.push(this.#reader.end());
      this.#current += 1;
      const next = this.#files[this.#current];
      if (next !== undefined) this.#reader.begin(next.source, next.session);
    }
  }
}

export function describeFile(source: SourceFile, sha256: string, place: ManifestFile['place']): ManifestFile {
  const { name, kind, mode, mtimeMs, identity } = source;
  return { name, kind, size: Number(identity.size), sha256, mode, mtimeMs, place };
}
