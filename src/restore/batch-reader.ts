import type { Archive } from '../archive/archive.ts';
import { replacedBy } from '../archive/while-replaced.ts';
import { ClawbackError } from '../errors.ts';
import type { Manifest, ManifestFile, ManifestPack } from '../manifest/manifest.ts';
import { PackReader } from '../packs/pack-reader.ts';

/**
 * Reads single files out of one batch. Where `gc` puts another revision in its place meanwhile, what is still to be read
 * comes from there: the file with the same SHA-256.
 */
export class BatchReader {
  readonly #archive: Archive;
  readonly #batchId: string;
  #revision: number;
  #reader: PackReader;
  /** By SHA-256, once the batch is another revision than the one that callers name files of. */
  #moved: ReadonlyMap<string, ManifestFile> | undefined;

  /** @param pack of this manifest. */
  constructor(archive: Archive, { batchId, revision = 0 }: Manifest, pack: ManifestPack) {
    this.#archive = archive;
    this.#batchId = batchId;
    this.#revision = revision;
    this.#reader = new PackReader(archive.objects, archive.codec, pack);
  }

  /**
   * As `PackReader.read`.
   * @param file of the manifest that the reader was made for.
   * @throws {ClawbackError} `object-not-found` also where `gc` has deleted this very file meanwhile.
   */
  async *read(file: ManifestFile, signal?: AbortSignal, lastFrame = 0): AsyncGenerator<Uint8Array> {
    for (let done = 0; ; ) {
      const here = this.#here(file);
      try {
        // Another revision has other frames: there nothing is fetched ahead.
        const chunks = this.#reader.read(here, signal, here === file ? lastFrame : 0);
        for await (const chunk of behind(chunks, done)) {
          done += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        await this.#follow(error, signal);
      }
    }
  }

  #here(file: ManifestFile): ManifestFile {
    const here = this.#moved === undefined ? file : this.#moved.get(file.sha256);
    if (here !== undefined) return here;
    throw new ClawbackError(
      'object-not-found',
      `read ${file.name} from the archive: clawback gc has deleted it meanwhile`,
      { hint: 'clawback list shows what is left' },
    );
  }

  /** @throws the error where the batch is what it was, or none any more. */
  async #follow(error: unknown, signal?: AbortSignal): Promise<void> {
    const { objects, codec } = this.#archive;
    const known = { batchId: this.#batchId, revision: this.#revision };
    if ((await replacedBy(this.#archive, known, error, signal)) === undefined) throw error;
    const { revision = 0, packs, sessions } = await this.#archive.manifest(this.#batchId, signal);
    const [pack] = packs;
    const files = sessions.flatMap((session) => session.files).filter(({ place }) => place !== null);
    this.#revision = revision;
    this.#moved = new Map(files.map((file) => [file.sha256, file]));
    if (pack !== undefined) this.#reader = new PackReader(objects, codec, pack);
  }
}

/** What comes after so many bytes. */
async function* behind(chunks: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of chunks) {
    const skipped = Math.min(left, chunk.length);
    left -= skipped;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}
