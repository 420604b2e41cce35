import { cataloguePrefix, manifestPrefix, packPrefix } from '../manifest/keys.ts';
import type { ColdState } from '../objects/cold.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { TIERS } from '../thaw/thaw-prices.ts';
import { type Finding, ok, warning } from './check.ts';
import { attempt } from './examination.ts';

/** Whether what lies longest in the archive must be thawed to be read: a lifecycle rule takes the oldest first. */
export async function archiveCold(
  objects: ObjectStore,
  instance: string | undefined,
  signal?: AbortSignal,
): Promise<Finding[]> {
  if (objects.thaw === undefined || instance === undefined) return [];
  const oldest = (prefix: string) => attempt(() => oldestBelow(objects, prefix, signal));
  const [packs, manifests, catalogue] = [
    await oldest(packPrefix(instance)),
    await oldest(manifestPrefix(instance)),
    await oldest(cataloguePrefix(instance)),
  ];
  // What cannot be listed or looked at the probe has said already.
  return [
    ...(packs.ok && packs.value !== undefined ? [coldPacks(packs.value)] : []),
    ...(manifests.ok && manifests.value !== undefined ? [coldIndex('manifests', manifests.value)] : []),
    ...(catalogue.ok && catalogue.value !== undefined
      ? [coldIndex('catalogue objects', catalogue.value)]
      : []),
  ];
}

/** Of the object whose key is first, which is the order of time. Undefined: there is none, or it is not of that kind. */
async function oldestBelow(
  objects: ObjectStore,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<ColdState | undefined> {
  for await (const { key } of objects.list(prefix, signal)) return (await objects.stat(key, signal)).cold;
  return undefined;
}

/** No fault: nightly runs read no old pack. */
function coldPacks({ storage }: ColdState): Finding {
  const takes = TIERS[storage].standard?.takes ?? '';
  return ok(
    `the oldest packs lie in ${storage}: what is in them is restored after a thaw (clawback restore … --thaw, ${takes}), and verify --read-data and drill pass it over; nightly runs do not read them`,
  );
}

function coldIndex(what: string, { storage }: ColdState): Finding {
  return warning(
    `the oldest ${what} lie in ${storage}: list, verify, restore and the removal of old tombstones need them at once`,
    'let the lifecycle rule of the bucket take packs/ only (docs/cold-storage.md); what is cold by now: aws s3api restore-object, then copy it over itself with --storage-class STANDARD',
  );
}
