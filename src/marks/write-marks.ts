import { randomBytes } from 'node:crypto';
import type { Archive } from '../archive/archive.ts';
import { ClawbackError } from '../errors.ts';
import { markKey, runIdAt, stampedAtMs } from '../manifest/keys.ts';
import { VERSION } from '../version.ts';
import { encodeMark, MARK_FORMAT, MAX_MARKED, type Mark, type MarkKind } from './mark.ts';
import type { Marks } from './marks.ts';

const SECOND_MS = 1000;
const LEVEL = 3;

/**
 * Marks generations, a few thousand a mark, each read back. The id of a mark is later than all that are there, whatever
 * the clocks of their hosts say: what was decided last must count last.
 *
 * @param marks as they were just read. @throws {ClawbackError} `object-corrupt`, or whatever the archive answers.
 */
export async function writeMarks(
  archive: Archive,
  marks: Marks,
  kind: MarkKind,
  archiveIds: readonly string[],
  nowMs: number,
): Promise<void> {
  let idMs = Math.max(nowMs, (stampedAtMs(marks.newestId ?? '') ?? 0) + SECOND_MS);
  for (let first = 0; first < archiveIds.length; first += MAX_MARKED) {
    await writeMark(archive, {
      format: MARK_FORMAT,
      tool: `clawback/${VERSION}`,
      instance: archive.instance,
      markId: runIdAt(idMs, randomBytes(4).toString('hex')),
      kind,
      at: new Date(nowMs).toISOString(),
      archiveIds: archiveIds.slice(first, first + MAX_MARKED),
    });
    idMs += SECOND_MS;
  }
}

async function writeMark({ objects, codec, instance }: Archive, mark: Mark): Promise<void> {
  const key = markKey(instance, mark.markId);
  const frame = codec.compress(encodeMark(mark), LEVEL);
  await objects.put(key, frame);
  if (Buffer.compare(await objects.get(key), frame) === 0) return;
  throw new ClawbackError('object-corrupt', `read back mark ${key}: it is not what was written`, {
    hint: 'check the storage, then run again; until then gc deletes nothing',
  });
}
