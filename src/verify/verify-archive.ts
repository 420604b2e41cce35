import type { Archive } from '../archive/archive.ts';
import { ClawbackError, type ErrorData, toErrorData } from '../errors.ts';
import { packKey } from '../manifest/keys.ts';
import type { Manifest, ManifestPack, ManifestSession } from '../manifest/manifest.ts';
import { fileSlices } from '../packs/file-ranges.ts';
import type { Shipper } from '../ship/shipper.ts';
import { isCold, PackReads, type VerifyProgress } from './pack-reads.ts';

export interface Difference {
  /** The object that is not as it should be. */
  readonly key: string;
  readonly error: ErrorData;
}

export interface VerifyResult {
  readonly manifests: number;
  readonly packs: number;
  readonly sessions: number;
  /** Packs that were read back whole. */
  readonly packsRead: number;
  readonly bytesRead: number;
  readonly differences: readonly Difference[];
  /** Batches that no catalogue object names: an interrupted run; `list` reads their manifests. */
  readonly uncatalogued: readonly string[];
  /** Packs that no manifest names: an interrupted upload. They cost room and hold nothing that was removed locally. */
  readonly strayPacks: readonly string[];
  /** Batches that a collection has left with two revisions: the next `gc` settles which of them stands. */
  readonly unsettled: readonly string[];
  /** Marks of any kind, and the generations that they say are forgotten or pinned. */
  readonly marks: number;
  readonly forgotten: number;
  readonly pinned: number;
  /** Objects that were to be read and must be thawed first: not damaged, and not proven either. */
  readonly cold: readonly string[];
}

export interface VerifyOptions {
  /** Percentage of packs to read back and compare with their files; 0 looks at sizes only. */
  readonly readPercent: number;
  /** Chooses the packs of a partial read. Returns a number from 0 up to 1. */
  readonly random: () => number;
  /** Told of every pack that has been read back. */
  readonly onProgress?: (progress: VerifyProgress) => void;
}

/** Checks every manifest of the archive against its objects, to the end, whatever it finds on the way. */
export async function verifyArchive(
  archive: Archive,
  shipper: Shipper,
  options: VerifyOptions,
  signal?: AbortSignal,
): Promise<VerifyResult> {
  const differences: Difference[] = [];
  const cold: string[] = [];
  const note = (key: string, error: unknown) => {
    const data = toErrorData(error);
    if (data.code === 'object-cold') cold.push(key);
    else differences.push({ key, error: data });
  };
  const sizes = new Map((await archive.packs(signal)).map(({ key, size }) => [key, size]));
  const named = new Set<string>();
  let sessions = 0;
  const reads = new PackReads(shipper, { signal, onProgress: options.onProgress, onDifference: note });
  const batches = await archive.batches(signal);
  const emptied = new Set<string>();
  for (const [batchId, revisions] of batches) {
    const revision = revisions.at(-1) ?? 0;
    let manifest: Manifest;
    try {
      manifest = await archive.manifestAt({ batchId, revision }, signal);
    } catch (error) {
      note(`manifest of ${batchId}`, error);
      // Its pack is no stray one for that.
      if (isCold(error)) named.add(packKey(archive.instance, batchId, revision));
      continue;
    }
    sessions += manifest.sessions.length;
    if (manifest.sessions.length === 0) emptied.add(batchId);
    if (manifest.packs.length === 0 && manifest.sessions.some(hasPlacedFile))
      note(`manifest of ${batchId}`, packless(batchId));
    for (const pack of manifest.packs) {
      named.add(pack.key);
      try {
        assertSize(pack, sizes.get(pack.key));
        for (const { files } of manifest.sessions) for (const file of files) fileSlices(pack, file);
      } catch (error) {
        note(pack.key, error);
        continue;
      }
      if (options.random() * 100 >= options.readPercent) continue;
      reads.add(
        pack,
        manifest.sessions.flatMap((session) => session.files),
      );
    }
  }
  await reads.end();
  // What was noted since the interrupt are its own echoes.
  if (signal?.aborted) throw new ClawbackError('interrupted', 'verify: interrupted');
  const batchIds = [...batches.keys()];
  const marks = await archive.marks({ onDamage: note, ...(signal ? { signal } : {}) });
  const uncatalogued = await compareCatalogue(archive, batchIds, note, signal);
  return {
    manifests: batchIds.length,
    packs: named.size,
    sessions,
    packsRead: reads.packs,
    bytesRead: reads.bytes,
    differences,
    // What gc has emptied needs no line any more.
    uncatalogued: uncatalogued.filter((batchId) => !emptied.has(batchId)),
    strayPacks: [...sizes.keys()].filter((key) => !named.has(key)),
    unsettled: [...batches].flatMap(([id, revisions]) => (revisions.length > 1 ? [id] : [])),
    marks: marks.count,
    forgotten: marks.forgotten.size,
    pinned: marks.pinned.size,
    cold: cold.sort(),
  };
}

function hasPlacedFile({ files }: ManifestSession): boolean {
  return files.some(({ place }) => place !== null);
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

/** Batches that no catalogue object names. A manifest that one names and that is gone is a difference, as is a damaged catalogue. */
async function compareCatalogue(
  archive: Archive,
  batchIds: readonly string[],
  note: (key: string, error: unknown) => void,
  signal?: AbortSignal,
): Promise<string[]> {
  const catalogued = new Set(
    (await archive.cataloguedRows({ onDamage: note, ...(signal ? { signal } : {}) })).map(
      (row) => row.batch_id,
    ),
  );
  const present = new Set(batchIds);
  for (const batchId of catalogued) {
    if (present.has(batchId)) continue;
    const hint =
      'its sessions cannot be restored without it; bring the object back from a copy of the bucket';
    note(
      `manifest of ${batchId}`,
      new ClawbackError('object-not-found', `verify ${batchId}: its manifest is gone`, { hint }),
    );
  }
  return batchIds.filter((id) => !catalogued.has(id));
}
