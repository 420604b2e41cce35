import { type ClawbackError, type ErrorCode, isClawbackError } from '../errors.ts';

/** Requests in flight while catalogue objects, marks or manifests are read. */
const CONCURRENCY = 16;

/** Told of an object that cannot be read as what it should be. */
export type OnDamage = (what: string, error: ClawbackError) => void;

export interface ReadOptions {
  /** Without it damage is thrown. */
  readonly onDamage?: OnDamage;
  readonly signal?: AbortSignal;
}

const DAMAGE = new Set<ErrorCode>([
  'manifest-invalid',
  'manifest-newer',
  'mark-unreadable',
  'report-invalid',
  'object-corrupt',
  'frame-corrupt',
]);

/** Damage is told, where there is anybody to tell, and nothing was read then. */
export async function unlessDamaged<T>(
  what: string,
  reading: Promise<T[]>,
  { onDamage }: ReadOptions,
): Promise<T[]> {
  try {
    return await reading;
  } catch (error) {
    if (onDamage === undefined || !isClawbackError(error) || !DAMAGE.has(error.code)) throw error;
    onDamage(what, error);
    return [];
  }
}

/** `gc` deletes objects one after the other, each of which may have been listed a moment ago. */
const LISTINGS = 5;

/**
 * Reads what a listing names. An object that is gone by the time it is read was replaced by `gc`, so that both are
 * done again, and not for ever.
 */
export async function readListed<T>(read: () => Promise<T>): Promise<T> {
  for (let listings = 1; ; listings += 1) {
    try {
      return await read();
    } catch (error) {
      if (!isNotFound(error) || listings === LISTINGS) throw error;
    }
  }
}

export function isNotFound(error: unknown): boolean {
  return isClawbackError(error) && error.code === 'object-not-found';
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export async function mapConcurrently<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const entries = items.entries();
  const work = async () => {
    for (const [index, item] of entries) results[index] = await map(item);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, work));
  return results;
}
