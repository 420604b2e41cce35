import type { Codec } from '../codec/codec.ts';
import { ClawbackError, isClawbackError } from '../errors.ts';
import {
  type CatalogueRow,
  catalogueRows,
  decodeCatalogue,
  encodeCatalogue,
  MAX_CATALOGUE_BYTES,
} from '../manifest/catalogue.ts';
import {
  type BatchRevision,
  CATALOGUE_SUFFIX,
  catalogueKey,
  cataloguePrefix,
  MANIFEST_SUFFIX,
  MARK_SUFFIX,
  manifestKey,
  manifestPrefix,
  markPrefix,
  packKey,
  packPrefix,
  parseRevisionKey,
} from '../manifest/keys.ts';
import { decodeManifest, MAX_MANIFEST_BYTES, type Manifest } from '../manifest/manifest.ts';
import { damagedMark, decodeMark, MAX_MARK_BYTES, type Mark } from '../marks/mark.ts';
import { Marks } from '../marks/marks.ts';
import type { ObjectStat, ObjectStore } from '../objects/object-store.ts';
import type { CatalogueCache } from './catalogue-cache.ts';
import { collect, mapConcurrently, type ReadOptions, readListed, unlessDamaged } from './read-objects.ts';
import { whileReplaced } from './while-replaced.ts';

export { mapConcurrently, type OnDamage, type ReadOptions, unlessDamaged } from './read-objects.ts';

/** A manifest of 500 rows is 8 MB of JSON, and several times that once parsed. */
const MANIFESTS_AT_ONCE = 4;

/** The lines of one catalogue object. */
export interface CatalogueObject {
  readonly runId: string;
  readonly rows: readonly CatalogueRow[];
}

export interface CatalogueOptions extends ReadOptions {
  /**
   * Also what a collection has left out of the newest revision of a batch, and not deleted yet: it is at work, or has
   * died. @default false
   */
  readonly withBegun?: boolean;
}

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

  /** The batch as it is now: its highest revision. @throws {ClawbackError} `object-not-found`, `manifest-invalid`, `manifest-newer`. */
  async manifest(batchId: string, signal?: AbortSignal): Promise<Manifest> {
    const manifest = await this.manifestIfAny(batchId, signal);
    return manifest ?? this.manifestAt({ batchId, revision: 0 }, signal);
  }

  /** The same; undefined where nothing is left of it. */
  async manifestIfAny(batchId: string, signal?: AbortSignal): Promise<Manifest | undefined> {
    const revision = await this.revisionOf(batchId, signal);
    if (revision === undefined) return undefined;
    const read = (at: number) => this.manifestAt({ batchId, revision: at }, signal);
    return whileReplaced(this, { batchId, revision }, read, signal);
  }

  /** Its highest revision that has a manifest. Undefined: nothing is left of it. */
  async revisionOf(batchId: string, signal?: AbortSignal): Promise<number | undefined> {
    const revisions = await this.#revisions(`${manifestPrefix(this.instance)}${batchId}.`, signal);
    return revisions.get(batchId)?.at(-1);
  }

  /** The same of one revision. */
  async manifestAt({ batchId, revision }: BatchRevision, signal?: AbortSignal): Promise<Manifest> {
    const key = manifestKey(this.instance, batchId, revision);
    const raw = this.codec.decompress(await this.objects.get(key, undefined, signal), MAX_MANIFEST_BYTES);
    const manifest = decodeManifest(raw, key);
    const isNamed = manifest.batchId === batchId && manifest.instance === this.instance;
    if (isNamed && (manifest.revision ?? 0) === revision && hasOwnPack(manifest)) return manifest;
    throw new ClawbackError(
      'manifest-invalid',
      `read manifest ${key}: it speaks of another batch or instance`,
      {
        hint: 'an object was copied or replayed; run clawback verify',
      },
    );
  }

  /** The revisions of every batch that have a manifest, ascending. There is more than one while `gc` works, or after it died. */
  batches(signal?: AbortSignal): Promise<ReadonlyMap<string, readonly number[]>> {
    return this.#revisions(manifestPrefix(this.instance), signal);
  }

  async batchIds(signal?: AbortSignal): Promise<string[]> {
    return [...(await this.batches(signal)).keys()];
  }

  async packs(signal?: AbortSignal): Promise<ObjectStat[]> {
    return collect(this.objects.list(packPrefix(this.instance), signal));
  }

  /**
   * Every archived session generation, oldest first, forgotten ones too. Batches that no catalogue object names as they
   * are now are read from their manifests. A damaged object is told to `onDamage` and hides nothing but itself.
   */
  catalogue(options: CatalogueOptions = {}): Promise<CatalogueRow[]> {
    return readListed(async () => {
      const [rows, batches] = await Promise.all([this.cataloguedRows(options), this.batches(options.signal)]);
      const current = rows.filter((row) => batches.get(row.batch_id)?.at(-1) === row.revision);
      const known = new Set(current.map((row) => row.batch_id));
      const missing = [...batches].filter(([batchId]) => !known.has(batchId));
      const read = await mapConcurrently(missing, ([batchId, revisions]) => {
        const manifest = this.manifestAt({ batchId, revision: revisions.at(-1) ?? 0 }, options.signal);
        return unlessDamaged(`manifest of ${batchId}`, manifest.then(catalogueRows), options);
      });
      const unsettled = options.withBegun ? [...batches].filter(([, { length }]) => length > 1) : [];
      const begun = await mapConcurrently(unsettled, ([batchId, [revision = 0]]) => {
        const manifest = this.manifestAt({ batchId, revision }, options.signal);
        return unlessDamaged(`manifest of ${batchId}`, manifest.then(catalogueRows), options);
      });
      const all = [...begun.flat(), ...current, ...read.flat()];
      const unique = new Map(all.map((row) => [row.archive_id, row]));
      return [...unique.values()].sort(
        (a, b) => compare(a.archived_at, b.archived_at) || compare(a.batch_id, b.batch_id),
      );
    });
  }

  /** What the catalogue objects themselves say. Batches of a damaged one count as uncatalogued: manifests decide. */
  async cataloguedRows(options: ReadOptions = {}): Promise<CatalogueRow[]> {
    return (await this.catalogueObjects(options)).flatMap(({ rows }) => rows);
  }

  /** The same, object by object. */
  catalogueObjects(options: ReadOptions = {}): Promise<CatalogueObject[]> {
    return readListed(async () => {
      const runIds = await this.ids(cataloguePrefix(this.instance), CATALOGUE_SUFFIX, options.signal);
      const objects = await mapConcurrently(runIds, (runId) => {
        const rows = this.#catalogueObject(runId, options.signal).then((read) => [{ runId, rows: read }]);
        return unlessDamaged(`catalogue of ${runId}`, rows, options);
      });
      return objects.flat();
    });
  }

  /** What is forgotten and what is pinned. @throws {ClawbackError} `mark-unreadable`, unless damage is told. */
  async marks(options: ReadOptions = {}): Promise<Marks> {
    const prefix = markPrefix(this.instance);
    const keys = await this.#keys(prefix, options.signal);
    const marks = await mapConcurrently(keys, (key) =>
      unlessDamaged(
        `mark ${key}`,
        this.#mark(key, options.signal).then((mark) => [mark]),
        options,
      ),
    );
    return Marks.fold(marks.flat());
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
    return this.writeCatalogueRows(runId, rows, level);
  }

  /** One catalogue object of these lines, read back. Returns its stored size. */
  async writeCatalogueRows(runId: string, rows: readonly CatalogueRow[], level: number): Promise<number> {
    const frame = this.codec.compress(encodeCatalogue(rows), level);
    const key = catalogueKey(this.instance, runId);
    await this.objects.put(key, frame);
    if (Buffer.compare(await this.objects.get(key), frame) === 0) return frame.length;
    throw new ClawbackError('object-corrupt', `read back catalogue ${key}: it is not what was written`, {
      hint: 'check the storage; the next run writes another',
    });
  }

  #catalogueObject(runId: string, signal?: AbortSignal): Promise<CatalogueRow[]> {
    const key = catalogueKey(this.instance, runId);
    const decode = (frame: Uint8Array) =>
      decodeCatalogue(this.codec.decompress(frame, MAX_CATALOGUE_BYTES), key);
    return this.#cached(key, decode, signal);
  }

  async #mark(key: string, signal?: AbortSignal): Promise<Mark> {
    const { instance, codec } = this;
    const prefix = markPrefix(instance);
    if (!key.endsWith(MARK_SUFFIX)) throw damagedMark(key, 'it is none');
    const place = { key, instance, markId: key.slice(prefix.length, -MARK_SUFFIX.length) };
    const decode = (frame: Uint8Array) => decodeMark(decompressMark(codec, key, frame), place);
    return this.#cached(key, decode, signal);
  }

  /** An object that never changes, from our cache where it is in there. */
  cached(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#cache.get(folderOf(key), key, () => this.objects.get(key, undefined, signal));
  }

  /** The same, decoded. A local copy that is no good is not kept. */
  async #cached<T>(key: string, decode: (frame: Uint8Array) => T, signal?: AbortSignal): Promise<T> {
    const frame = await this.cached(key, signal);
    try {
      return decode(frame);
    } catch (error) {
      await this.#cache.drop(folderOf(key), key);
      throw error;
    }
  }

  /** What stands between prefix and suffix in the keys of objects that never change, in ascending order. */
  async ids(prefix: string, suffix: string, signal?: AbortSignal): Promise<string[]> {
    const keys = await this.#keys(prefix, signal);
    return keys.flatMap((key) => (key.endsWith(suffix) ? [key.slice(prefix.length, -suffix.length)] : []));
  }

  /** Of objects that never change. Copies of others are dropped: an erased session must not live on in a cache. */
  async #keys(prefix: string, signal?: AbortSignal): Promise<string[]> {
    const keys = (await collect(this.objects.list(prefix, signal))).map(({ key }) => key);
    await this.#cache.keepOnly(prefix, keys);
    return keys;
  }

  async #revisions(prefix: string, signal?: AbortSignal): Promise<Map<string, number[]>> {
    const found = new Map<string, number[]>();
    for await (const { key } of this.objects.list(prefix, signal)) {
      const named = parseRevisionKey(key, manifestPrefix(this.instance), MANIFEST_SUFFIX);
      if (named !== undefined)
        found.set(named.batchId, [...(found.get(named.batchId) ?? []), named.revision]);
    }
    // In key order `.r10` comes before `.r2`.
    for (const revisions of found.values()) revisions.sort((a, b) => a - b);
    return found;
  }
}

function decompressMark(codec: Codec, key: string, frame: Uint8Array): Uint8Array {
  try {
    return codec.decompress(frame, MAX_MARK_BYTES);
  } catch (error) {
    throw isClawbackError(error) ? damagedMark(key, error.message, error) : error;
  }
}

/** One pack under its own name where files were stored: what is proven of it is proven of them. */
function hasOwnPack({ instance, batchId, revision, packs, sessions }: Manifest): boolean {
  const isPacked = sessions.some(({ files }) => files.some(({ place }) => place !== null));
  const key = packKey(instance, batchId, revision);
  return packs.length === (isPacked ? 1 : 0) && packs.every((pack) => pack.key === key);
}

/** With the slash. */
function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/') + 1);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
