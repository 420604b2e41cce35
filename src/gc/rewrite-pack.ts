import type { Archive } from '../archive/archive.ts';
import { ClawbackError } from '../errors.ts';
import type { ManifestFile, ManifestPack } from '../manifest/manifest.ts';
import { fileSlices } from '../packs/file-ranges.ts';
import { type FrameLayout, isTranscript, layoutFrames, MAX_FRAME_BYTES } from '../packs/frame-layout.ts';
import { PackReader } from '../packs/pack-reader.ts';
import { type FrameSource, putFrames } from '../packs/put-frames.ts';
import { verifyContent } from '../verify/verify-pack.ts';

/** A stored file that goes into the new pack too. */
export interface KeptFile {
  readonly file: ManifestFile;
  /** Inside the tar. */
  readonly path: string;
}

export interface RewriteInput {
  readonly from: ManifestPack;
  /** The key of the new pack. */
  readonly key: string;
  readonly files: readonly KeptFile[];
  readonly level: number;
}

export interface RewrittenPack {
  readonly pack: ManifestPack;
  /** Where each kept file lies now. */
  readonly places: ReadonlyMap<ManifestFile, ManifestFile['place']>;
}

/**
 * Makes a pack of some of the files of another, frame by frame, and reads it back: every file still has the SHA-256
 * that was recorded when it was archived. Memory is one frame of each pack, whatever their size.
 *
 * @throws {ClawbackError} `object-corrupt` if the old pack does not hold what its manifest says; nothing is stored then.
 */
export async function rewritePack(
  { objects, codec }: Archive,
  { from, key, files, level }: RewriteInput,
  signal?: AbortSignal,
): Promise<RewrittenPack> {
  // In the old order, which put like with like, and which reads the old pack front to back.
  const ordered = [...files].sort((a, b) => compare(a.file, b.file));
  const layout = layoutFrames(
    ordered.map(({ path, file }) => ({ path, ...file, isTranscript: isTranscript(file) })),
  );
  const kept = ordered.map(({ file }) => file);
  const source = new StoredFiles(from, kept, new PackReader(objects, codec, from), signal);
  const pack = await putFrames(objects, codec, { key, level, layout }, source, signal);
  const moved = kept.map((file, index): ManifestFile => ({ ...file, place: layout.places[index] ?? null }));
  await verifyContent(objects, codec, pack, moved, signal);
  return { pack, places: new Map(kept.map((file, index) => [file, moved[index]?.place ?? null])) };
}

function compare({ place: a }: ManifestFile, { place: b }: ManifestFile): number {
  if (a === null || b === null) return 0;
  return a.frame - b.frame || a.offset - b.offset;
}

/** The bytes of files of a pack, one after the other, in the portions that new frames ask for. */
class StoredFiles implements FrameSource {
  readonly #bytes: AsyncGenerator<Uint8Array>;
  readonly #key: string;
  #chunk: Uint8Array = new Uint8Array(0);
  readonly #frame = Buffer.allocUnsafeSlow(MAX_FRAME_BYTES);

  constructor(from: ManifestPack, files: readonly ManifestFile[], reader: PackReader, signal?: AbortSignal) {
    this.#key = from.key;
    this.#bytes = readAll(from, files, reader, signal);
  }

  async fill({ pieces }: FrameLayout): Promise<Uint8Array> {
    let used = 0;
    for (const piece of pieces) {
      if (piece.kind === 'bytes') {
        this.#frame.set(piece.bytes, used);
        used += piece.bytes.length;
      } else {
        await this.#read(this.#frame.subarray(used, used + piece.length));
        used += piece.length;
      }
    }
    return this.#frame.subarray(0, used);
  }

  /** The end of the last file is where its SHA-256 is compared. */
  async finish(): Promise<void> {
    const { done } = await this.#bytes.next();
    if (done !== true || this.#chunk.length > 0) throw this.#wrongLength();
  }

  async #read(target: Uint8Array): Promise<void> {
    for (let filled = 0; filled < target.length; ) {
      if (this.#chunk.length === 0) {
        const { done, value } = await this.#bytes.next();
        if (done === true) throw this.#wrongLength();
        this.#chunk = value;
      }
      const part = this.#chunk.subarray(0, target.length - filled);
      target.set(part, filled);
      this.#chunk = this.#chunk.subarray(part.length);
      filled += part.length;
    }
  }

  #wrongLength(): ClawbackError {
    return new ClawbackError(
      'internal',
      `rewrite pack ${this.#key}: its files are not as long as they were laid out`,
    );
  }
}

async function* readAll(
  from: ManifestPack,
  files: readonly ManifestFile[],
  reader: PackReader,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const lastFrame = Math.max(0, ...files.map((file) => fileSlices(from, file).at(-1)?.frame ?? 0));
  for (const file of files) yield* reader.read(file, signal, lastFrame);
}
