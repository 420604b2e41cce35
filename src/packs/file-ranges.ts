import { ClawbackError } from '../errors.ts';
import type { ManifestFile, ManifestPack } from '../manifest/manifest.ts';
import { MAX_FRAME_BYTES } from './frame-layout.ts';

/** A part of a file inside one decoded frame. */
export interface FrameSlice {
  readonly frame: number;
  readonly offset: number;
  readonly length: number;
}

/**
 * Which bytes of which frames make up a file.
 * @throws {ClawbackError} `manifest-invalid` if the manifest places it outside its pack.
 */
export function fileSlices(pack: ManifestPack, file: ManifestFile): FrameSlice[] {
  if (file.place === null) return [];
  const slices: FrameSlice[] = [];
  let { frame, offset } = file.place;
  let left = file.size;
  while (left > 0) {
    const held = pack.frames[frame];
    if (held === undefined || offset > held.rawBytes) {
      throw new ClawbackError('manifest-invalid', `locate a file in ${pack.key}: it lies outside the pack`, {
        hint: 'run clawback verify',
      });
    }
    const length = Math.min(left, held.rawBytes - offset);
    if (length > 0) slices.push({ frame, offset, length });
    left -= length;
    frame += 1;
    offset = 0;
  }
  return slices;
}

/** @throws {ClawbackError} `manifest-invalid` if frames do not tile the stored pack or claim more than a frame may hold. */
export function assertFramesTile(pack: ManifestPack): void {
  let end = 0;
  for (const frame of pack.frames) {
    if (frame.offset !== end || frame.rawBytes > MAX_FRAME_BYTES || frame.storedBytes > 2 * MAX_FRAME_BYTES) {
      throw new ClawbackError(
        'manifest-invalid',
        `read pack ${pack.key}: its frames are not where the manifest says`,
        {
          hint: 'run clawback verify',
        },
      );
    }
    end += frame.storedBytes;
  }
  if (end === pack.storedBytes) return;
  throw new ClawbackError('manifest-invalid', `read pack ${pack.key}: frames and size disagree`, {
    hint: 'run clawback verify',
  });
}
