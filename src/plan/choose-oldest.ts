import { isMedia } from '../manifest/file-place.ts';
import { isArchivable } from '../scan/file-kind.ts';
import type { ScannedFile } from '../scan/scan.ts';
import type { PlannedSession } from './plan.ts';

export interface Candidate<Store> {
  readonly store: Store;
  readonly session: PlannedSession;
}

export interface Chosen<Store> extends Candidate<Store> {
  /** Blocks that its files give back to the sessions folder, less what its tombstone takes there. */
  readonly diskBytes: number;
}

/** A stub transcript takes one block. */
const STUB_BYTES = 4096;

/**
 * So many candidates, the longest idle first, that their files make up `wantedBytes`. What frees nothing is left out.
 * Files of `taken` have been chosen before and count no more; those chosen now are added to it. Pure but for that.
 */
export function chooseOldest<Store>(
  candidates: readonly Candidate<Store>[],
  wantedBytes: number,
  taken: Set<ScannedFile>,
): Chosen<Store>[] {
  const chosen: Chosen<Store>[] = [];
  let missing = wantedBytes;
  const byAge = [...candidates].sort((a, b) => a.session.lastActivityMs - b.session.lastActivityMs);
  for (const candidate of byAge) {
    if (missing <= 0) break;
    const files = candidate.session.files.filter((file) => isInFolder(file) && !taken.has(file));
    const stubBytes = candidate.session.action === 'trim' ? STUB_BYTES : 0;
    const diskBytes = files.reduce((sum, file) => sum + file.diskBytes, 0) - stubBytes;
    if (diskBytes <= 0) continue;
    for (const file of files) taken.add(file);
    chosen.push({ ...candidate, diskBytes });
    missing -= diskBytes;
  }
  return chosen;
}

/** Images lie elsewhere: that they go too is not what the budget is about. */
function isInFolder({ kind }: ScannedFile): boolean {
  return isArchivable(kind) && !isMedia({ kind });
}
