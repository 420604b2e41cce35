import { isClawbackError } from '../errors.ts';
import type { ManifestPack } from '../manifest/manifest.ts';

/** Whether it must be thawed before anybody can read it. */
export function isCold(error: unknown): boolean {
  return isClawbackError(error) && error.code === 'object-cold';
}

/** Totals are not known before every manifest was looked at. */
export interface VerifyProgress {
  readonly packsDone: number;
  readonly packsTotal: number | undefined;
  readonly bytesDone: number;
  readonly bytesTotal: number | undefined;
}

export interface PackReadsOptions {
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

/** Packs that are read back beside each other, while further ones are still looked for. */
export class PackReads {
  readonly #options: PackReadsOptions;
  readonly #reads: Promise<void>[] = [];
  /** Neither read nor damaged. */
  readonly #cold = { packs: 0, bytes: 0 };
  #bytes = 0;
  #isAll = false;
  readonly #done = { packs: 0, bytes: 0 };

  constructor(options: PackReadsOptions) {
    this.#options = options;
  }

  get packs(): number {
    return this.#reads.length - this.#cold.packs;
  }

  get bytes(): number {
    return this.#bytes - this.#cold.bytes;
  }

  /** @param read never throws; it says whether the pack is cold, so that it was not read. */
  add(pack: ManifestPack, read: () => Promise<boolean>): void {
    this.#bytes += pack.storedBytes;
    this.#reads.push(this.#read(pack, read));
  }

  /** There are no more of them. Resolves when the last one has been read. */
  async end(): Promise<void> {
    this.#isAll = true;
    if (this.packs > 0) this.#tell();
    await Promise.all(this.#reads);
  }

  async #read(pack: ManifestPack, read: () => Promise<boolean>): Promise<void> {
    if (await read()) {
      this.#cold.packs += 1;
      this.#cold.bytes += pack.storedBytes;
      return;
    }
    this.#done.packs += 1;
    this.#done.bytes += pack.storedBytes;
    this.#tell();
  }

  #tell(): void {
    this.#options.onProgress?.({
      packsDone: this.#done.packs,
      packsTotal: this.#isAll ? this.packs : undefined,
      bytesDone: this.#done.bytes,
      bytesTotal: this.#isAll ? this.bytes : undefined,
    });
  }
}
