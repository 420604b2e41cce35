import type { Codec } from '../codec/codec.ts';
import { ClawbackError, type ErrorCode, isClawbackError } from '../errors.ts';
import {
  type CatalogueRow,
  catalogueRows,
  decodeCatalogue,
  encodeCatalogue,
  MAX_CATALOGUE_BYTES,
} from '../manifest/catalogue.ts';
import {
  CATALOGUE_SUFFIX,
  catalogueKey,
  cataloguePrefix,
  MANIFEST_SUFFIX,
  manifestKey,
  manifestPrefix,
  packKey,
  packPrefix,
} from '../manifest/keys.ts';
import { decodeManifest, MAX_MANIFEST_BYTES, type Manifest } from '../manifest/manifest.ts';
import type { ObjectStat, ObjectStore } from '../objects/object-store.ts';
import type { CatalogueCache } from './catalogue-cache.ts';

/** Requests in flight while catalogue objects or manifests are read. */
const CONCURRENCY = 16;

/** Told of an object that cannot be read as what it should be. */
export type OnDamage = (what: string, error: ClawbackError) => void;

export interface ReadOptions {
  /** Without it damage is thrown. */
  readonly onDamage?: OnDamage;
  readonly signal?: AbortSignal;
}

/** A manifest of 500 rows is 8 MB of JSON, and several times that once parsed. */
const MANIFESTS_AT_ONCE = 4;

/** The archive of one instance, as its objects tell it. The bucket is the truth; what we keep locally is a cache. */
export class Archive {
  readonly objects: ObjectStore;
  readonly codec: Codec;
  readonly instance: string;
  readonly #cache: CatalogueCache;

  constructor(objects: ObjectStore, codec: Codec, instance: string, cache: CatalogueCache) {
    this.objects = objects;
    this.codec = codec;
    this.instance = instance;
    this.#cache = cache;
  }

  /** @throws {ClawbackError} `object-not-found`, `manifest-invalid`, `manifest-newer`. */
  async manifest(batchId: string, signal?: AbortSignal): Promise<Manifest> {
    const key = manifestKey(this.instance, batchId);
    const raw = this.codec.decompress(await this.objects.get(key, undefined, signal), MAX_MANIFEST_BYTES);
    const manifest = decodeManifest(raw, key);
    const isNamed = manifest.batchId === batchId && manifest.instance === this.instance;
    if (isNamed && hasOwnPack(manifest)) return manifest;
    throw new ClawbackError(
      'manifest-invalid',
      `read manifest ${key}: it speaks of another batch or instance`,
      {
        hint: 'an object was copied or replayed; run clawback verify',
      },
    );
  }

  batchIds(signal?: AbortSignal): Promise<string[]> {
    return this.ids(manifestPrefix(this.instance), MANIFEST_SUFFIX, signal);
  }

  async packs(signal?: AbortSignal): Promise<ObjectStat[]> {
    return collect(this.objects.list(packPrefix(this.instance), signal));
  }

  /**
   * Every archived session generation, oldest first. Batches that no catalogue object names yet are read from their
   * manifests. A damaged object is told to `onDamage` and hides nothing but itself.
   */
  async catalogue(options: ReadOptions = {}): Promise<CatalogueRow[]> {
    const [rows, batchIds] = await Promise.all([this.cataloguedRows(options), this.batchIds(options.signal)]);
    const committed = new Set(batchIds);
    const known = new Set(rows.map((row) => row.batch_id));
    const missing = await mapConcurrently(
      batchIds.filter((id) => !known.has(id)),
      (id) =>
        unlessDamaged(`manifest of ${id}`, this.manifest(id, options.signal).then(catalogueRows), options),
    );
    const all = [...rows.filter((row) => committed.has(row.batch_id)), ...missing.flat()];
    const unique = new Map(all.map((row) => [row.archive_id, row]));
    return [...unique.values()].sort((a, b) =>
      a.archived_at < b.archived_at ? -1 : a.archived_at > b.archived_at ? 1 : 0,
    );
  }

  /** What the catalogue objects themselves say. Batches of a damaged one count as uncatalogued: manifests decide. */
  async cataloguedRows(options: ReadOptions = {}): Promise<CatalogueRow[]> {
    const runIds = await this.ids(cataloguePrefix(this.instance), CATALOGUE_SUFFIX, options.signal);
    const objects = await mapConcurrently(runIds, (runId) =>
      unlessDamaged(`catalogue of ${runId}`, this.#catalogueObject(runId, options.signal), options),
    );
    return objects.flat();
  }

  /** The same for any number of batches: only a few manifests, with all their rows, are in memory at once. */
  async *eachManifest(batchIds: readonly string[], signal?: AbortSignal): AsyncGenerator<Manifest> {
    for (let at = 0; at < batchIds.length; at += MANIFESTS_AT_ONCE) {
      yield* await this.manifests(batchIds.slice(at, at + MANIFESTS_AT_ONCE), signal);
    }
  }

  manifests(batchIds: readonly string[], signal?: AbortSignal): Promise<Manifest[]> {
    return mapConcurrently(batchIds, (id) => this.manifest(id, signal));
  }

  /** Batches that no readable catalogue object names: their run died, or their catalogue is damaged. */
  async uncataloguedBatchIds(signal?: AbortSignal): Promise<string[]> {
    // Damage shows here as work to be done again, which mends it.
    const [rows, batchIds] = await Promise.all([
      this.cataloguedRows({ onDamage: () => {}, ...(signal ? { signal } : {}) }),
      this.batchIds(signal),
    ]);
    const known = new Set(rows.map((row) => row.batch_id));
    return batchIds.filter((id) => !known.has(id));
  }

  /** One catalogue object for these manifests. Returns its stored size. */
  async writeCatalogue(
    runId: string,
    manifests: Iterable<Manifest> | AsyncIterable<Manifest>,
    level: number,
  ): Promise<number> {
    const rows: CatalogueRow[] = [];
    for await (const manifest of manifests) rows.push(...catalogueRows(manifest));
    const frame = this.codec.compress(encodeCatalogue(rows), level);
    const key = catalogueKey(this.instance, runId);
    await this.objects.put(key, frame);
    if (Buffer.compare(await this.objects.get(key), frame) === 0) return frame.length;
    throw new ClawbackError('object-corrupt', `read back catalogue ${key}: it is not what was written`, {
      hint: 'check the storage; the next run writes another',
    });
  }

  /** An object that never changes, from our cache where it is in there. */
  cached(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#cache.get(key, () => this.objects.get(key, undefined, signal));
  }

  async #catalogueObject(runId: string, signal?: AbortSignal): Promise<CatalogueRow[]> {
    const key = catalogueKey(this.instance, runId);
    return decodeCatalogue(this.codec.decompress(await this.cached(key, signal), MAX_CATALOGUE_BYTES), key);
  }

  /** What stands between prefix and suffix in the keys of the archive, in ascending order. */
  async ids(prefix: string, suffix: string, signal?: AbortSignal): Promise<string[]> {
    const stats = await collect(this.objects.list(prefix, signal));
    return stats.flatMap(({ key }) =>
      key.endsWith(suffix) ? [key.slice(prefix.length, -suffix.length)] : [],
    );
  }
}

/** One pack under its own name where files were stored: what is proven of it is proven of them. */
function hasOwnPack({ instance, batchId, packs, sessions }: Manifest): boolean {
  const isPacked = sessions.some(({ files }) => files.some(({ place }) => place !== null));
  return packs.length === (isPacked ? 1 : 0) && packs.every(({ key }) => key === packKey(instance, batchId));
}

const DAMAGE = new Set<ErrorCode>([
  'manifest-invalid',
  'manifest-newer',
  'report-invalid',
  'object-corrupt',
  'frame-corrupt',
]);

/** Nothing, for what is damaged, where somebody is told of it. */
export async function unlessDamaged<T>(
  what: string,
  rows: Promise<T[]>,
  { onDamage }: ReadOptions,
): Promise<T[]> {
  try {
    return await rows;
  } catch (error) {
    if (onDamage === undefined || !isClawbackError(error) || !DAMAGE.has(error.code)) throw error;
    onDamage(what, error);
    return [];
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** In the order of the items, a few at a time. */
export async function mapConcurrently<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const entries = items.entries();
  const work = async () => {
    for (const [index, item] of entries) results[index] = await map(item);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, work));
  return results;
}
