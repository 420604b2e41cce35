import type { Codec } from '../codec/codec.ts';
import { freeNow } from '../free-now.ts';
import type { ManifestFrame, ManifestPack } from '../manifest/manifest.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { FrameLayout, PackLayout } from './frame-layout.ts';

/** Where the bytes of a pack come from: local files, or another pack. */
export interface FrameSource {
  /**
   * The raw bytes of the next frame. Those that are returned at once are compressed before anything else runs in this
   * thread; those of a promise must be nobody else's until the next call.
   */
  fill(frame: FrameLayout): Uint8Array | Promise<Uint8Array>;
  /** After the last frame: proves what was read. Nothing is stored if it throws. */
  finish(): void | Promise<void>;
}

export interface PackToPut {
  readonly key: string;
  readonly level: number;
  readonly layout: PackLayout;
  /** Told of every frame that is on its way. */
  readonly onFrame?: (rawBytes: number) => void;
}

/** Compresses the frames and uploads each while the next is made. Nothing is visible under the key if anything fails. */
export async function putFrames(
  objects: ObjectStore,
  codec: Codec,
  { key, level, layout, onFrame }: PackToPut,
  source: FrameSource,
  signal?: AbortSignal,
): Promise<ManifestPack> {
  const writer = objects.createWriter(key, signal);
  const frames: ManifestFrame[] = [];
  let offset = 0;
  try {
    for (const frame of layout.frames) {
      const filled = source.fill(frame);
      // No await where none is needed: threads share one scratch buffer among their tasks.
      const compressed = codec.compress(filled instanceof Promise ? await filled : filled, level);
      frames.push({ offset, storedBytes: compressed.length, rawBytes: frame.rawBytes });
      offset += compressed.length;
      await writer.write(compressed);
      freeNow(compressed);
      onFrame?.(frame.rawBytes);
    }
    await source.finish();
    const stored = await writer.close();
    return {
      key,
      storedBytes: stored.size,
      sha256: stored.sha256,
      rawBytes: layout.rawBytes,
      engine: codec.engine,
      level,
      encryption: 'none',
      frames,
    };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
