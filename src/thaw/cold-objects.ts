import { ClawbackError } from '../errors.ts';
import type { ColdState } from '../objects/cold.ts';
import type { ObjectStore } from '../objects/object-store.ts';

/** An object in storage that must be thawed: cold, thawing or thawed. */
export interface ColdObject extends ColdState {
  readonly key: string;
  readonly bytes: number;
}

/** Those of the objects that lie in such storage. One that is not there is left to whoever reads it. */
export async function findCold(
  objects: ObjectStore,
  keys: readonly string[],
  signal?: AbortSignal,
): Promise<ColdObject[]> {
  if (objects.thaw === undefined) return [];
  const found: ColdObject[] = [];
  for (const key of keys) {
    try {
      const { size, cold } = await objects.stat(key, signal);
      if (cold !== undefined) found.push({ key, bytes: size, ...cold });
    } catch (error) {
      if (!(error instanceof ClawbackError) || error.code !== 'object-not-found') throw error;
    }
  }
  return found;
}
