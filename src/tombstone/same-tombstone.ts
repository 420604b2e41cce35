import { type Folder, transcriptPlace } from '../plan/references.ts';
import { rowSha256 } from '../sessions/canonical-json.ts';
import type { Row } from '../sessions/session-store.ts';

/**
 * Whether a row is this tombstone, as it is in the manifest, in every field. Gateways from 2026.6.11 on spell the
 * name of its stub out as a path when they first save the store; that is the same file, and nothing else may differ.
 */
export function isSameTombstone(row: Row, tombstone: Row, folder: Folder): boolean {
  const { sessionFile } = tombstone;
  const place = transcriptPlace(row, folder);
  const isRespelt = typeof row.sessionFile === 'string' && place.at === 'here' && place.name === sessionFile;
  return rowSha256(isRespelt ? { ...row, sessionFile } : row) === rowSha256(tombstone);
}
