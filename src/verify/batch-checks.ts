import type { Archive } from '../archive/archive.ts';
import { isNotFound } from '../archive/read-objects.ts';
import { whileReplaced } from '../archive/while-replaced.ts';
import { ClawbackError } from '../errors.ts';
import { type BatchRevision, packKey } from '../manifest/keys.ts';
import type { Manifest, ManifestPack } from '../manifest/manifest.ts';
import { fileSlices } from '../packs/file-ranges.ts';
import type { Shipper } from '../ship/shipper.ts';
import { isCold, type PackReads } from './pack-reads.ts';

export interface BatchChecksOptions {
  readonly archive: Archive;
  readonly shipper: Pick<Shipper, 'verify'>;
  readonly reads: PackReads;
  /** Of every pack, as they were listed. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Whether a pack is to be read back. */
  readonly mustRead: () => boolean;
  readonly note: (key: string, error: unknown) => void;
  readonly signal?: AbortSignal | undefined;
}

interface Seen {
  readonly sessions: number;
  readonly packs: readonly string[];
}

/**
 * Checks batches against their objects. One that `gc` replaces meanwhile is checked as what it is then; one that it
 * deletes is none any more, and no loss: of a loss the catalogue would speak.
 */
export class BatchChecks {
  readonly #options: BatchChecksOptions;
  /** By batch id, as the manifest was read last; undefined where it could not be. */
  readonly #seen = new Map<string, Seen | undefined>();
  /** Packs of manifests that must be thawed to be read: no stray ones for that. */
  readonly #coldPacks = new Set<string>();

  constructor(options: BatchChecksOptions) {
    this.#options = options;
  }

  /** Those that are still there. */
  get manifests(): number {
    return this.#seen.size;
  }

  get sessions(): number {
    return [...this.#seen.values()].reduce((sum, seen) => sum + (seen?.sessions ?? 0), 0);
  }

  /** Keys of the packs that belong to them. */
  get packs(): ReadonlySet<string> {
    return new Set([...this.#coldPacks, ...[...this.#seen.values()].flatMap((seen) => seen?.packs ?? [])]);
  }

  /** Whether it is there, and holds or may hold something: what gc has emptied needs no line of the catalogue. */
  needsLine(batchId: string): boolean {
    return this.#seen.has(batchId) && this.#seen.get(batchId)?.sessions !== 0;
  }

  /** Looks at the manifest and at the sizes; what is to be read back is added to the reads. */
  async check(batch: BatchRevision): Promise<void> {
    const { archive, reads, mustRead, note, sizes, signal } = this.#options;
    this.#seen.set(batch.batchId, undefined);
    const error = await this.#noting(batch, async (revision, about) => {
      about(`manifest of ${batch.batchId}`);
      const manifest = await this.#read({ ...batch, revision });
      if (manifest.packs.length === 0 && hasPlacedFile(manifest))
        note(`manifest of ${batch.batchId}`, packless(batch.batchId));
      for (const pack of manifest.packs) {
        about(pack.key);
        assertSize(pack, sizes.get(pack.key) ?? (await sizeOf(archive, pack.key, signal)));
        for (const { files } of manifest.sessions) for (const file of files) fileSlices(pack, file);
        if (mustRead()) reads.add(pack, async () => isCold(await this.#readBack(manifest)));
      }
    });
    if (isCold(error)) this.#coldPacks.add(packKey(archive.instance, batch.batchId, batch.revision));
  }

  #readBack(known: Manifest): Promise<unknown> {
    const { shipper, signal } = this.#options;
    const { batchId, revision: knownAs = 0 } = known;
    return this.#noting({ batchId, revision: knownAs }, async (revision, about) => {
      about(`manifest of ${batchId}`);
      const { packs, sessions } = revision === knownAs ? known : await this.#read({ batchId, revision });
      const files = sessions.flatMap((session) => session.files);
      for (const pack of packs) {
        about(pack.key);
        await shipper.verify(pack, files, signal);
      }
    });
  }

  async #read(batch: BatchRevision): Promise<Manifest> {
    const manifest = await this.#options.archive.manifestAt(batch, this.#options.signal);
    const packs = manifest.packs.map(({ key }) => key);
    this.#seen.set(batch.batchId, { sessions: manifest.sessions.length, packs });
    return manifest;
  }

  /**
   * Notes what is wrong, and returns it too.
   * @param look says before each step which object it is about.
   */
  async #noting(
    batch: BatchRevision,
    look: (revision: number, about: (key: string) => void) => Promise<void>,
  ): Promise<unknown> {
    const { archive, note, signal } = this.#options;
    let key = '';
    const about = (next: string) => {
      key = next;
    };
    try {
      const read = (revision: number) => look(revision, about).then(() => 'read' as const);
      const done = await whileReplaced(archive, batch, read, signal);
      if (done === undefined) this.#seen.delete(batch.batchId);
      return undefined;
    } catch (error) {
      note(key, error);
      return error;
    }
  }
}

/** Of a pack that came after the listing. Undefined: there is none. */
async function sizeOf(
  { objects }: Archive,
  key: string,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  try {
    return (await objects.stat(key, signal)).size;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function hasPlacedFile({ sessions }: Manifest): boolean {
  return sessions.some(({ files }) => files.some(({ place }) => place !== null));
}

function packless(batchId: string): ClawbackError {
  return new ClawbackError(
    'manifest-invalid',
    `verify ${batchId}: its manifest places files but names no pack`,
    {
      hint: 'restore the bucket from a copy if you have one; sessions of other batches are not affected',
    },
  );
}

function assertSize(pack: ManifestPack, size: number | undefined): void {
  if (size === pack.storedBytes) return;
  const why =
    size === undefined ? 'it is gone' : `it holds ${size} bytes, its manifest says ${pack.storedBytes}`;
  throw new ClawbackError(
    size === undefined ? 'object-not-found' : 'object-corrupt',
    `verify pack ${pack.key}: ${why}`,
    {
      hint: 'restore the bucket from a copy if you have one; sessions of other packs are not affected',
    },
  );
}
