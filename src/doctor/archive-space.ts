import { PACK_SUFFIX, packPrefix, parseRevisionKey } from '../manifest/keys.ts';
import type { OpenedArchive } from '../objects/open.ts';
import type { Finding } from './check.ts';
import { attempt } from './examination.ts';
import { freeBytes, LEAST_FREE_BYTES, spaceFinding } from './free-bytes.ts';

/** Whether an archive that is a folder has room for one more run like the newest. */
export async function archiveSpace(
  archive: OpenedArchive,
  folder: string,
  instance: string | undefined,
): Promise<Finding[]> {
  const free = await freeBytes(folder);
  if (free === undefined) return [];
  // Where it cannot be listed the probe has said so.
  const newest = await attempt(() => newestRunBytes(archive, instance));
  const runBytes = newest.ok ? newest.value : 0;
  const wanted =
    runBytes > LEAST_FREE_BYTES
      ? { bytes: runBytes, why: 'the newest run took more, so the next may not fit' }
      : { bytes: LEAST_FREE_BYTES, why: 'the next run may not fit' };
  return [spaceFinding(`the archive ${folder}`, free, wanted)];
}

/** Of the packs of the newest run. Zero where there is none. */
async function newestRunBytes({ objects }: OpenedArchive, instance: string | undefined): Promise<number> {
  if (instance === undefined) return 0;
  const prefix = packPrefix(instance);
  let newestRunId = '';
  let bytes = 0;
  // In key order, which is the order of time: `<prefix><runId>-<sequence>[.rN].tar.zst`.
  for await (const { key, size } of objects.list(prefix)) {
    const runId = parseRevisionKey(key, prefix, PACK_SUFFIX)?.batchId.replace(/-\d+$/, '') ?? key;
    bytes = runId === newestRunId ? bytes + size : size;
    newestRunId = runId;
  }
  return bytes;
}
