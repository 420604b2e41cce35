import { Archive } from '../archive/archive.ts';
import { CatalogueCache } from '../archive/catalogue-cache.ts';
import { openCodec } from '../codec/open.ts';
import { countPastGrace } from '../gc/past-grace.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { LocalState } from '../state/local-state.ts';
import { type Finding, ok, problem, warning } from './check.ts';
import { attempt } from './examination.ts';

export interface ForgottenOptions {
  readonly objects: ObjectStore;
  readonly instance: string;
  readonly stateDir: string;
  readonly grace: {
    readonly nowMs: number;
    readonly graceMs: number;
    /** Whether nights delete it. */
    readonly isNightly: boolean;
    readonly signal?: AbortSignal | undefined;
  };
}

/** Whether anything waits for a `gc` that nobody runs. */
export async function archiveForgotten({
  objects,
  instance,
  stateDir,
  grace,
}: ForgottenOptions): Promise<Finding[]> {
  const counted = await attempt(async () => {
    const cache = new CatalogueCache(new LocalState(stateDir).cacheDir, objects.url);
    return countPastGrace(new Archive(objects, await openCodec('auto'), instance, cache), grace);
  });
  if (!counted.ok) {
    const { level: _level, text, advice = 'clawback verify' } = problem(counted.error);
    return [warning(`what is forgotten cannot be told: ${text}`, advice)];
  }
  const due = counted.value;
  if (due === 0) return [];
  const what = due === 1 ? '1 forgotten session is' : `${due} forgotten sessions are`;
  return [
    grace.isNightly
      ? ok(`${what} past gc.grace: the next night deletes them`)
      : warning(
          `${what} past gc.grace, and nothing deletes them by itself`,
          'clawback gc deletes them now; "nightly": { "gc": true } every night',
        ),
  ];
}
