import { z } from 'zod';
import { ClawbackError } from '../errors.ts';
import type { Manifest, ManifestSession } from './manifest.ts';

/**
 * One archived session generation, in flat columns: a whole fleet's catalogue is
 * `read_json('…/*.jsonl.zst')` in DuckDB. A pure function of its manifest, so that the
 * catalogue can always be rebuilt.
 */
const rowSchema = z.object({
  archive_id: z.string(),
  batch_id: z.string(),
  /** Of the batch when the line was written: a line of an older one than the batch has now says nothing any more. */
  revision: z.number().int().nonnegative().default(0),
  instance: z.string(),
  agent_id: z.string(),
  store_id: z.string(),
  session_key: z.string().nullable(),
  session_id: z.string().nullable(),
  kind: z.string(),
  protected: z.boolean(),
  action: z.enum(['trim', 'remove', 'files']),
  /** ISO 8601, or null for what carried no date. */
  last_activity_at: z.string().nullable(),
  archived_at: z.string(),
  files: z.number().int(),
  raw_bytes: z.number().int(),
  /** The session's share of its pack, by raw bytes, rounded: sessions share frames. */
  stored_bytes: z.number().int(),
});

/** A decoded catalogue may be this large: about half a million sessions in one run. */
export const MAX_CATALOGUE_BYTES = 256 * 1024 * 1024;

export type CatalogueRow = z.infer<typeof rowSchema>;

export function catalogueRows(manifest: Manifest): CatalogueRow[] {
  const pack = manifest.packs[0];
  const ratio = pack === undefined || pack.rawBytes === 0 ? 0 : pack.storedBytes / pack.rawBytes;
  return manifest.sessions.map((session) => {
    const storedRaw = sum(session, (file) => (file.place === null ? 0 : file.size));
    return {
      archive_id: session.archiveId,
      batch_id: manifest.batchId,
      revision: manifest.revision ?? 0,
      instance: manifest.instance,
      agent_id: session.agentId,
      store_id: manifest.source.storeId,
      session_key: session.sessionKey,
      session_id: session.sessionId,
      kind: session.kind,
      protected: session.protected,
      action: session.action,
      last_activity_at:
        session.lastActivityMs === null ? null : new Date(session.lastActivityMs).toISOString(),
      archived_at: manifest.createdAt,
      files: session.files.length,
      raw_bytes: sum(session, (file) => file.size),
      stored_bytes: Math.round(storedRaw * ratio),
    };
  });
}

function sum(session: ManifestSession, of: (file: ManifestSession['files'][number]) => number): number {
  return session.files.reduce((total, file) => total + of(file), 0);
}

export function encodeCatalogue(rows: readonly CatalogueRow[]): Uint8Array {
  return Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

/** @throws {ClawbackError} `manifest-invalid`. */
export function decodeCatalogue(raw: Uint8Array, key: string): CatalogueRow[] {
  const lines = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8').split('\n');
  return lines.filter(Boolean).map((line, index) => {
    const invalid = (why: string) =>
      new ClawbackError('manifest-invalid', `read catalogue ${key}, line ${index + 1}: ${why}`, {
        hint: 'run clawback verify --rebuild-catalogue',
      });
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw invalid('not JSON');
    }
    const result = rowSchema.safeParse(value);
    if (!result.success)
      throw invalid(`${result.error.issues[0]?.path.join('.')}: ${result.error.issues[0]?.message}`);
    return result.data;
  });
}
