import { join } from 'node:path';
import { placeName } from '../manifest/file-place.ts';
import type { ManifestFile, ManifestSession } from '../manifest/manifest.ts';
import { keptFiles } from '../restore/restore-to-folder.ts';
import { rowSha256 } from '../sessions/canonical-json.ts';
import { type Difference, proveFile } from './prove-file.ts';

export interface SessionDifference extends Difference {
  /** As below `restore --to`; null: of the session as a whole. */
  readonly file: string | null;
}

export interface SessionNote {
  readonly file: string;
  readonly text: string;
}

export interface SessionProof {
  readonly row: 'whole' | 'none' | 'different';
  readonly differences: readonly SessionDifference[];
  readonly notes: readonly SessionNote[];
}

/** Compares what was restored of a session below `folder` with all that its manifest says. */
export async function proveSession(session: ManifestSession, folder: string): Promise<SessionProof> {
  const row = proveRow(session);
  const differences: SessionDifference[] = [];
  const notes: SessionNote[] = [];
  if (row === 'different')
    differences.push({ file: null, what: 'row', text: 'its row is not the one that was archived (SHA-256)' });
  for (const file of keptFiles(session)) {
    const name = placeName(file);
    const proof = await proveFile(join(folder, name), file, needsHeader(session, file));
    differences.push(...proof.differences.map((difference) => ({ file: name, ...difference })));
    notes.push(...proof.notes.map((text) => ({ file: name, text })));
  }
  return { row, differences, notes };
}

/** A loose file may go by a transcript's name and never have been one. */
function needsHeader({ action }: ManifestSession, { kind }: ManifestFile): boolean {
  return kind === 'transcript' && action !== 'files';
}

function proveRow({ row, rowSha256: recorded }: ManifestSession): SessionProof['row'] {
  if (row === null && recorded === null) return 'none';
  return row !== null && rowSha256(row) === recorded ? 'whole' : 'different';
}
