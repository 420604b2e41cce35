import { COLD_STORAGE, type ColdState } from './cold.ts';
import type { Meaning } from './s3-meanings.ts';

// How S3 speaks of objects that must be thawed.

/** Of the headers `x-amz-storage-class`, `x-amz-archive-status` and `x-amz-restore`. Undefined: it can be read at once. */
export function coldStateOf(head: {
  readonly StorageClass?: string | undefined;
  readonly ArchiveStatus?: string | undefined;
  readonly Restore?: string | undefined;
}): ColdState | undefined {
  const storage = COLD_STORAGE.find((name) => name === (head.ArchiveStatus ?? head.StorageClass));
  if (storage === undefined) return undefined;
  const restore = parseRestoreHeader(head.Restore);
  // What cannot be understood counts as cold: asking once more does no harm.
  if (restore === undefined) return { storage, state: 'cold' };
  if (restore.isOngoing) return { storage, state: 'thawing' };
  const { expiryMs } = restore;
  return { storage, state: 'thawed', ...(expiryMs === undefined ? {} : { coldAgainAtMs: expiryMs }) };
}

/** `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`. Undefined where it is absent or makes no sense. */
export function parseRestoreHeader(
  header: string | undefined,
): { readonly isOngoing: boolean; readonly expiryMs?: number } | undefined {
  const ongoing = /(?:^|[\s,])ongoing-request="(true|false)"/.exec(header ?? '')?.[1];
  if (ongoing === undefined) return undefined;
  const expiryMs = Date.parse(/(?:^|[\s,])expiry-date="([^"]+)"/.exec(header ?? '')?.[1] ?? '');
  return { isOngoing: ongoing === 'true', ...(Number.isNaN(expiryMs) ? {} : { expiryMs }) };
}

/** @param error the service's, which says where the object lies. */
export function coldMeaning(error: unknown): Meaning {
  const { StorageClass, AccessTier } = (error ?? {}) as { StorageClass?: unknown; AccessTier?: unknown };
  const storage = COLD_STORAGE.find((one) => one === (AccessTier ?? StorageClass));
  return {
    code: 'object-cold',
    what: `it is cold${storage === undefined ? '' : `, in ${storage}`}, and must be thawed before it can be read`,
    hint: '`clawback restore <selector> --thaw` asks for the pack and the manifest of a conversation; packs alone should ever get cold, see docs/cold-storage.md',
  };
}
