import { createHash } from 'node:crypto';
import type { Codec } from '../codec/codec.ts';
import { ClawbackError } from '../errors.ts';
import { freeNow } from '../free-now.ts';
import type { ManifestFile, ManifestPack } from '../manifest/manifest.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { assertFramesTile, fileSlices } from './file-ranges.ts';

/** Neighbouring frames are fetched together up to this many stored bytes: one request for a small session. */
const FETCH_BYTES = 4 * 1024 * 1024;

/** Reads single files out of one pack. Holds one fetched range and one decoded frame at a time. */
export class PackReader {
  readonly #objects: ObjectStore;
  readonly #codec: Codec;
  readonly #pack: ManifestPack;
  #fetched: { first: number; last: number; bytes: Uint8Array } | undefined;
  #decoded: { frame: number; raw: Uint8Array } | undefined;

  constructor(objects: ObjectStore, codec: Codec, pack: ManifestPack) {
    assertFramesTile(pack);
    this.#objects = objects;
    this.#codec = codec;
    this.#pack = pack;
  }

  /**
   * The file's bytes, in order.
   * @param lastFrame up to which the caller will read on in this order: neighbours are fetched together.
   * @throws {ClawbackError} `object-corrupt` at the end, at the latest, if they are not the recorded ones.
   */
  async *read(file: ManifestFile, signal?: AbortSignal, lastFrame = 0): AsyncGenerator<Uint8Array> {
    const slices = fileSlices(this.#pack, file);
    const hash = createHash('sha256');
    const lastWanted = Math.max(lastFrame, slices.at(-1)?.frame ?? 0);
    for (const slice of slices) {
      const raw = await this.#frame(slice.frame, lastWanted, signal);
      const bytes = raw.subarray(slice.offset, slice.offset + slice.length);
      hash.update(bytes);
      yield bytes;
    }
    if (hash.digest('hex') !== file.sha256) throw this.#corrupt('a file is not the one that was archived');
  }

  /** Decodes every frame in order. What is yielded is gone when the next is asked for. */
  async *frames(signal?: AbortSignal): AsyncGenerator<{ stored: Uint8Array; raw: Uint8Array }> {
    const last = this.#pack.frames.length - 1;
    for (let frame = 0; frame <= last; frame += 1) {
      const raw = await this.#frame(frame, last, signal);
      yield { stored: this.#stored(frame), raw };
      this.#decoded = undefined;
      freeNow(raw);
      if (frame === this.#fetched?.last) this.#dropFetched();
    }
  }

  async #frame(frame: number, lastWanted: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (this.#decoded?.frame === frame) return this.#decoded.raw;
    this.#decoded = undefined;
    await this.#fetch(frame, lastWanted, signal);
    const { rawBytes } = this.#entry(frame);
    const raw = this.#codec.decompress(this.#stored(frame), rawBytes);
    if (raw.length !== rawBytes)
      throw this.#corrupt(`frame ${frame} holds ${raw.length} bytes, not ${rawBytes}`);
    this.#decoded = { frame, raw };
    return raw;
  }

  async #fetch(frame: number, lastWanted: number, signal?: AbortSignal): Promise<void> {
    if (this.#fetched !== undefined && frame >= this.#fetched.first && frame <= this.#fetched.last) return;
    this.#dropFetched();
    const { offset } = this.#entry(frame);
    let last = frame;
    const length = () => this.#entry(last).offset + this.#entry(last).storedBytes - offset;
    while (last < lastWanted && length() + this.#entry(last + 1).storedBytes <= FETCH_BYTES) last += 1;
    const bytes = await this.#objects.get(this.#pack.key, { offset, length: length() }, signal);
    this.#fetched = { first: frame, last, bytes };
  }

  /** Nothing outside holds a part of it: decoding has copied what `read` hands out. */
  #dropFetched(): void {
    if (this.#fetched !== undefined) freeNow(this.#fetched.bytes);
    this.#fetched = undefined;
  }

  #stored(frame: number): Uint8Array {
    if (this.#fetched === undefined) throw this.#corrupt(`frame ${frame} was not fetched`);
    const { offset, storedBytes } = this.#entry(frame);
    const start = offset - this.#entry(this.#fetched.first).offset;
    return this.#fetched.bytes.subarray(start, start + storedBytes);
  }

  #entry(frame: number) {
    const entry = this.#pack.frames[frame];
    if (entry === undefined) throw this.#corrupt(`there is no frame ${frame}`);
    return entry;
  }

  #corrupt(why: string): ClawbackError {
    return new ClawbackError('object-corrupt', `read pack ${this.#pack.key}: ${why}`, {
      hint: 'run clawback verify --read-data to see what else is damaged; nothing was written',
    });
  }
}
