import { z } from 'zod';
import { ClawbackError } from '../errors.ts';
import { rowSha256 } from '../sessions/canonical-json.ts';
import { SESSION_KINDS } from '../sessions/session-key.ts';

export const MANIFEST_FORMAT = 'clawback.manifest/1';

/** A byte count or offset. */
const bytes = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * A plain file name inside the sessions folder. Validated again on every restore: a forged
 * manifest must not reach outside the folder, nor name OpenClaw's own store.
 */
const fileName = z
  .string()
  .min(1)
  .max(255)
  .refine(
    (name) => !/[/\\\0]/.test(name) && name !== '.' && name !== '..' && !name.startsWith('sessions.json'),
    {
      error: 'not a plain file name',
    },
  );

export function isManifestFileName(name: string): boolean {
  return fileName.safeParse(name).success;
}

export const FILE_KINDS = [
  'transcript',
  'trajectory',
  'pointer',
  'checkpoint',
  'reset',
  'deleted',
  'backup',
  'codex',
  /** What the gateway notes of an image that it sent, and the image: both in `media/outgoing`, see `file-place.ts`. */
  'media-record',
  'media-original',
] as const;

const MEDIA_RECORD_NAME = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json$/;

/** Whether a file of this kind can have this name: a plain one, and one of its own kind in `media/outgoing`. */
export function isFileNameOf(kind: FileKind, name: string): boolean {
  return isManifestFileName(name) && (kind !== 'media-record' || MEDIA_RECORD_NAME.test(name));
}

const frameSchema = z.object({
  /** Place of the frame in the stored pack. */
  offset: bytes,
  storedBytes: bytes.positive(),
  rawBytes: bytes.positive(),
});

const packSchema = z.object({
  key: z.string(),
  storedBytes: bytes,
  /** Of the whole stored object. */
  sha256,
  rawBytes: bytes,
  engine: z.enum(['node', 'wasm']),
  level: z.number().int(),
  encryption: z.literal('none'),
  frames: z.array(frameSchema),
});

const placeSchema = z.object({
  /** Index of the first frame that holds bytes of the file. */
  frame: bytes,
  /** Where the file begins in the decoded bytes of that frame; it runs on through the following frames. */
  offset: bytes,
});

const plainFileSchema = z.object({
  name: fileName,
  kind: z.enum(FILE_KINDS),
  size: bytes,
  /** Of the file's own bytes. */
  sha256,
  /** Permission bits. */
  mode: z.number().int().min(0).max(0o7777),
  /** Milliseconds since the epoch, with fractions. */
  mtimeMs: z.number(),
  /** Null: the operator chose not to keep the bytes (`modelRun.keepTranscripts: false`). */
  place: placeSchema.nullable(),
});

const fileSchema = plainFileSchema.refine(({ kind, name }) => isFileNameOf(kind, name), {
  error: 'not a name of its kind',
});

/** Passed through as it is: a copy made by zod would lose a field named `__proto__`. */
const rowSchema = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  { error: 'not an object' },
);

const sessionSchema = z
  .object({
    /** `<batchId>.<n>`: what `list` prints and `restore` takes. */
    archiveId: z.string(),
    /** Null for files that no row referenced. */
    sessionKey: z.string().nullable(),
    sessionId: z.string().nullable(),
    agentId: z.string(),
    kind: z.enum([...SESSION_KINDS, 'orphan']),
    protected: z.boolean(),
    /** `trim`: the row becomes a tombstone; `remove`: the row goes; `files`: there was no row. */
    action: z.enum(['trim', 'remove', 'files']),
    /** A moment that a Date can hold. */
    lastActivityMs: z.number().min(-8.64e15).max(8.64e15).nullable(),
    /** The row as it was, whole. Null where there was none. */
    row: rowSchema.nullable(),
    /** Of the row's canonical JSON. */
    rowSha256: sha256.nullable(),
    /** The row's tombstone, for `trim`: what must be found in the store before its files may go. */
    tombstone: rowSchema.nullable(),
    files: z.array(fileSchema),
  })
  .refine(
    ({ action, row, sessionKey }) =>
      row === null ? action === 'files' : action !== 'files' && sessionKey !== null,
    {
      error: 'row and action disagree',
    },
  )
  .refine(({ action, tombstone }) => (action === 'trim') === (tombstone !== null), {
    error: 'tombstone and action disagree',
  })
  .refine(({ row, rowSha256: digest }) => (row === null ? null : rowSha256(row)) === digest, {
    error: 'the row is not the one that was hashed',
  });

export const manifestSchema = z.object({
  format: z.literal(MANIFEST_FORMAT),
  tool: z.string(),
  instance: z.string(),
  runId: z.string(),
  batchId: z.string(),
  /** How often `gc` has taken sessions out of the batch; absent: never. It stands in the keys too. */
  revision: z.number().int().positive().optional(),
  createdAt: z.iso.datetime(),
  source: z.object({
    kind: z.literal('openclaw-file-store'),
    /** Which store of the instance: an agent id, or `shared`. */
    storeId: z.string(),
  }),
  /** How the packs were proven before this manifest was written. */
  verified: z.enum(['content', 'stored']),
  /** At most one: a batch with nothing to store has none. */
  packs: z.array(packSchema),
  /** None: all of them were taken out, and the batch is about to go. */
  sessions: z.array(sessionSchema),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestSession = Manifest['sessions'][number];
export type ManifestFile = ManifestSession['files'][number];
export type ManifestPack = Manifest['packs'][number];
export type ManifestFrame = ManifestPack['frames'][number];
export type FileKind = (typeof FILE_KINDS)[number];

/** A decoded manifest may be this large; batches are cut so that theirs stays well below. */
export const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;

export function encodeManifest(manifest: Manifest): Uint8Array {
  return Buffer.from(`${JSON.stringify(manifest)}\n`);
}

/** @throws {ClawbackError} `manifest-newer` for a later format, `manifest-invalid` for anything else amiss. */
export function decodeManifest(raw: Uint8Array, key: string): Manifest {
  if (raw.length > MAX_MANIFEST_BYTES) {
    throw new ClawbackError('manifest-invalid', `read manifest ${key}: ${raw.length} bytes are too many`);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8'));
  } catch {
    throw new ClawbackError('manifest-invalid', `read manifest ${key}: not JSON`, {
      hint: 'run clawback verify',
    });
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (typeof format === 'string' && format.startsWith('clawback.manifest/') && format !== MANIFEST_FORMAT) {
    throw new ClawbackError(
      'manifest-newer',
      `read manifest ${key}: written in ${format}, this version reads ${MANIFEST_FORMAT}`,
      {
        hint: 'update clawback',
      },
    );
  }
  const result = manifestSchema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new ClawbackError(
      'manifest-invalid',
      `read manifest ${key}: ${issue?.path.join('.')}: ${issue?.message}`,
      {
        hint: 'run clawback verify',
      },
    );
  }
  return result.data;
}
