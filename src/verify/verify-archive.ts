import type { Archive, OnDamage } from '../archive/archive.ts';
import { ClawbackError, type ErrorData, toErrorData } from '../errors.ts';
import { PACK_SUFFIX, packPrefix, parseRevisionKey } from '../manifest/keys.ts';
import type { Shipper } from '../ship/shipper.ts';
import { BatchChecks } from './batch-checks.ts';
import { PackReads, type VerifyProgress } from './pack-reads.ts';

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
  const reads = new PackReads({ onProgress: options.onProgress });
  const mustRead = () => options.random() * 100 < options.readPercent;
  const checks = new BatchChecks({ archive, shipper, reads, sizes, mustRead, note, signal });
  const batches = await archive.batches(signal);
  for (const [batchId, revisions] of batches)
    await checks.check({ batchId, revision: revisions.at(-1) ?? 0 });
  await reads.end();
  // What was noted since the interrupt are its own echoes.
  if (signal?.aborted) throw new ClawbackError('interrupted', 'verify: interrupted');
  const marks = await archive.marks({ onDamage: note, ...(signal ? { signal } : {}) });
  const catalogued = await compareCatalogue(archive, note, signal);
  const now = await archive.batches(signal);
  const { packs } = checks;
  const strayPacks = [...sizes.keys()].filter((key) => !packs.has(key));
  return {
    manifests: checks.manifests,
    packs: packs.size,
    sessions: checks.sessions,
    packsRead: reads.packs,
    bytesRead: reads.bytes,
    differences,
    uncatalogued: [...batches.keys()].filter(
      (id) => checks.needsLine(id) && now.has(id) && !catalogued.has(id),
    ),
    strayPacks: strayPacks.length > 0 ? await stillStray(archive, strayPacks, now, signal) : [],
    unsettled: [...batches].flatMap(([id, { length }]) =>
      length > 1 && (now.get(id)?.length ?? 0) > 1 ? [id] : [],
    ),
    marks: marks.count,
    forgotten: marks.forgotten.size,
    pinned: marks.pinned.size,
    cold: cold.sort(),
  };
}

/** Without those that a run or a collection which goes on beside us has named or deleted since. */
async function stillStray(
  archive: Archive,
  keys: readonly string[],
  batches: ReadonlyMap<string, readonly number[]>,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const prefix = packPrefix(archive.instance);
  const present = new Set((await archive.packs(signal)).map(({ key }) => key));
  return keys.filter((key) => {
    const named = parseRevisionKey(key, prefix, PACK_SUFFIX);
    const isNamed = named !== undefined && batches.get(named.batchId)?.includes(named.revision);
    return present.has(key) && !isNamed;
  });
}

/**
 * The batches that a catalogue object names. Where the manifest of one is gone, that is a difference, as is a damaged
 * catalogue. Beside a collection a line goes before its manifest: what is a loss is one at a second look, too.
 */
async function compareCatalogue(
  archive: Archive,
  note: (key: string, error: unknown) => void,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const look = async (onDamage: OnDamage) => {
    const rows = await archive.cataloguedRows({ onDamage, ...(signal ? { signal } : {}) });
    const catalogued = new Set(rows.map((row) => row.batch_id));
    const present = catalogued.size > 0 ? await archive.batches(signal) : new Map();
    return { catalogued, lost: [...catalogued].filter((id) => !present.has(id)) };
  };
  const { catalogued, lost } = await look(note);
  const again = lost.length > 0 ? new Set((await look(() => {})).lost) : new Set();
  for (const batchId of lost.filter((id) => again.has(id))) {
    const hint =
      'its sessions cannot be restored without it; bring the object back from a copy of the bucket';
    note(
      `manifest of ${batchId}`,
      new ClawbackError('object-not-found', `verify ${batchId}: its manifest is gone`, { hint }),
    );
  }
  return catalogued;
}
