import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

export interface SentImage {
  /** Makes the record's id. */
  readonly n: number;
  readonly sessionKey: string;
  readonly ageMs: number;
  /** File name of the image; one of its own if absent. */
  readonly image?: string;
  /** On top of what OpenClaw writes. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** `<uuid v4>` of the nth record. */
export function attachmentId(n: number): string {
  return `a0000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

/**
 * Writes an image and its record as 2026.5.28 to 2026.7.35 do: records pretty-printed with mode 0600, images with mode
 * 0644. Returns the two paths.
 */
export async function writeMedia(
  mediaDir: string,
  nowMs: number,
  { n, sessionKey, ageMs, image, fields }: SentImage,
): Promise<[record: string, original: string]> {
  const atMs = nowMs - ageMs;
  const id = attachmentId(n);
  const original = join(mediaDir, 'originals', image ?? `generated-image-1---${id}.png`);
  const record = join(mediaDir, 'records', `${id}.json`);
  const bytes = Buffer.from(`\x89PNG\r\n${basename(original)}`);
  const value = {
    attachmentId: id,
    sessionKey,
    messageId: `0000000${n}`,
    createdAt: new Date(atMs).toISOString(),
    retentionClass: 'history',
    alt: 'Generated image 1',
    original: {
      path: original,
      contentType: 'image/png',
      width: 1,
      height: 1,
      sizeBytes: bytes.length,
      filename: basename(original),
    },
    updatedAt: new Date(atMs).toISOString(),
    ...fields,
  };
  await mkdir(join(mediaDir, 'records'), { recursive: true, mode: 0o700 });
  await mkdir(join(mediaDir, 'originals'), { recursive: true, mode: 0o700 });
  await writeFile(original, bytes, { mode: 0o644 });
  await writeFile(record, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  for (const path of [original, record]) await utimes(path, atMs / 1000, atMs / 1000);
  return [record, original];
}
