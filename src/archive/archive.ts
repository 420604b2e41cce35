import type { Codec } from '../codec/codec.ts';
import { ClawbackError } from '../errors.ts';
import { type CatalogueRow, catalogueRows, decodeCatalogue, encodeCatalogue } from '../manifest/catalogue.ts';
import {
  CATALOGUE_SUFFIX,
  catalogueKey,
  cataloguePrefix,
  MANIFEST_SUFFIX,
  manifestKey,
  manifestPrefix,
  packPrefix,
} from '../manifest/keys.ts';
import { decodeManifest, MAX_MANIFEST_BYTES, type Manifest } from '../manifest/manifest.ts';
import type { ObjectStat, ObjectStore } from '../objects/object-store.ts';
import type { CatalogueCache } from './catalogue-cache.ts';

/** Requests in flight while catalogue objects or manifests are read. */
const CONCURRENCY = 16;

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
    if (manifest.batchId === batchId && manifest.instance === this.instance) return manifest;
    throw new ClawbackError(
      'manifest-invalid',
      `read manifest ${key}: it speaks of another batch or instance`,
      {
        hint: 'an object was copied or replayed; run clawback verify',
      },
    );
  }

  batchIds(signal?: AbortSignal): Promise<string[]> {
    return this.#ids(manifestPrefix(this.instance), MANIFEST_SUFFIX, signal);
  }

  async packs(signal?: AbortSignal): Promise<ObjectStat[]> {
    return collect(this.objects.list(packPrefix(this.instance), signal));
  }

  /** Every archived session generation, oldest first. Batches that no catalogue object names yet are read from their manifests. */
  async catalogue(signal?: AbortSignal): Promise<CatalogueRow[]> {
    const [rows, batchIds] = await Promise.all([this.cataloguedRows(signal), this.batchIds(signal)]);
    const committed = new Set(batchIds);
    const known = new Set(rows.map((row) => row.batch_id));
    const missing = await this.manifests(
      batchIds.filter((id) => !known.has(id)),
      signal,
    );
    const all = [...rows.filter((row) => committed.has(row.batch_id)), ...missing.flatMap(catalogueRows)];
    const unique = new Map(all.map((row) => [row.archive_id, row]));
    return [...unique.values()].sort((a, b) =>
      a.archived_at < b.archived_at ? -1 : a.archived_at > b.archived_at ? 1 : 0,
    );
  }

  /** What the catalogue objects themselves say. */
  async cataloguedRows(signal?: AbortSignal): Promise<CatalogueRow[]> {
    const runIds = await this.#ids(cataloguePrefix(this.instance), CATALOGUE_SUFFIX, signal);
    return (await mapConcurrently(runIds, (runId) => this.#catalogueObject(runId, signal))).flat();
  }

  manifests(batchIds: readonly string[], signal?: AbortSignal): Promise<Manifest[]> {
    return mapConcurrently(batchIds, (id) => this.manifest(id, signal));
  }

  /** Batches that a run committed without living to catalogue them. */
  async uncataloguedBatchIds(signal?: AbortSignal): Promise<string[]> {
    const [rows, batchIds] = await Promise.all([this.cataloguedRows(signal), this.batchIds(signal)]);
    const known = new Set(rows.map((row) => row.batch_id));
    return batchIds.filter((id) => !known.has(id));
  }

  /** One catalogue object for these manifests. Returns its stored size. */
  async writeCatalogue(runId: string, manifests: readonly Manifest[], level: number): Promise<number> {
    const frame = this.codec.compress(encodeCatalogue(manifests.flatMap(catalogueRows)), level);
    await this.objects.put(catalogueKey(this.instance, runId), frame);
    return frame.length;
  }

  async #catalogueObject(runId: string, signal?: AbortSignal): Promise<CatalogueRow[]> {
    const key = catalogueKey(this.instance, runId);
    const frame = await this.#cache.get(key, () => this.objects.get(key, undefined, signal));
    return decodeCatalogue(this.codec.decompress(frame, MAX_MANIFEST_BYTES), key);
  }

  async #ids(prefix: string, suffix: string, signal?: AbortSignal): Promise<string[]> {
    const stats = await collect(this.objects.list(prefix, signal));
    return stats.flatMap(({ key }) =>
      key.endsWith(suffix) ? [key.slice(prefix.length, -suffix.length)] : [],
    );
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function mapConcurrently<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const entries = items.entries();
  const work = async () => {
    for (const [index, item] of entries) results[index] = await map(item);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, work));
  return results;
}
