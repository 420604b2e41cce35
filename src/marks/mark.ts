import { z } from 'zod';
import { ClawbackError } from '../errors.ts';
import { parseArchiveId } from '../manifest/keys.ts';

export const MARK_FORMAT = 'clawback.mark/1';

export const MARK_KINDS = ['forget', 'unforget', 'pin', 'unpin'] as const;

export type MarkKind = (typeof MARK_KINDS)[number];

/** More generations than this are marked by several marks, so that every one of them stays small. */
export const MAX_MARKED = 10_000;

/** A decoded mark may be this large: an archive id takes some fifty bytes. */
export const MAX_MARK_BYTES = 4 * 1024 * 1024;

/**
 * What an operator has decided about archived generations: an object of its own that never changes. It names
 * archive ids and no conversation, so that it may stay for ever.
 */
const markSchema = z.object({
  format: z.literal(MARK_FORMAT),
  tool: z.string(),
  instance: z.string(),
  /** In the key too. Marks count in the order of their ids, which is that of time unless clocks disagree. */
  markId: z.string().regex(/^\d{8}t\d{6}z-[0-9a-f]{8}$/),
  kind: z.enum(MARK_KINDS),
  /** What the clock of its host said. */
  at: z.iso.datetime(),
  archiveIds: z
    .array(z.string().refine((id) => parseArchiveId(id) !== undefined, { error: 'not an archive id' }))
    .min(1)
    .max(MAX_MARKED),
});

export type Mark = z.infer<typeof markSchema>;

export function encodeMark(mark: Mark): Uint8Array {
  return Buffer.from(`${JSON.stringify(mark)}\n`);
}

/** Which mark is expected where. */
export interface MarkPlace {
  readonly key: string;
  readonly markId: string;
  readonly instance: string;
}

/** @throws {ClawbackError} `mark-unreadable`. */
export function decodeMark(raw: Uint8Array, { key, markId, instance }: MarkPlace): Mark {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8'));
  } catch {
    throw damagedMark(key, 'not JSON');
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (typeof format === 'string' && format.startsWith('clawback.mark/') && format !== MARK_FORMAT) {
    throw new ClawbackError(
      'mark-unreadable',
      `read mark ${key}: written in ${format}, this version reads ${MARK_FORMAT}`,
      { hint: 'update clawback; until then nothing is deleted from this archive' },
    );
  }
  const result = markSchema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw damagedMark(key, `${issue?.path.join('.')}: ${issue?.message}`);
  }
  const mark = result.data;
  if (mark.markId === markId && mark.instance === instance) return mark;
  throw damagedMark(key, 'it was copied from another place');
}

/** What it held back can only be guessed: nothing is deleted then. */
export function damagedMark(key: string, why: string, cause?: unknown): ClawbackError {
  return new ClawbackError('mark-unreadable', `read mark ${key}: ${why}`, {
    cause,
    hint: 'nothing is deleted from this archive while it is there: bring the object back from a copy of the bucket; or remove it, look through clawback list --forgotten, and pin or unforget again what must stay',
  });
}
