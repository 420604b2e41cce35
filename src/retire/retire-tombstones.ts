import type { Archive } from '../archive/archive.ts';
import { parseArchiveId } from '../manifest/keys.ts';
import type { ManifestSession } from '../manifest/manifest.ts';
import type { ArchivePlan, PlannedRetirement } from '../plan/plan.ts';
import { rowSha256 } from '../sessions/canonical-json.ts';
import { isSameButDerived } from '../sessions/derived-fields.ts';
import type { RowOutcome, SessionStore } from '../sessions/session-store.ts';
import { syncDirectory } from '../sessions/sync-directory.ts';
import { isStubUntouched, removeOwnStub } from '../tombstone/stub-transcript.ts';
import { type OnBrokenBatch, readStillArchived } from './still-archived.ts';

/** The part of a line's store that this stage needs. */
export interface RetireStore {
  readonly id: string;
  readonly sessionsDir: string;
  readonly sessions: SessionStore;
  plan(): Promise<ArchivePlan>;
  assertMayCommit(): Promise<void>;
}

/** A tombstone that was due and stays, and why. */
export interface TombstoneKept {
  readonly sessionKey: string;
  readonly archiveId: string;
  readonly why:
    | 'not-in-archive'
    | 'forgotten'
    | 'not-the-archived-tombstone'
    | 'files-here'
    | 'stub-used'
    | 'now-active'
    | Exclude<RowOutcome, 'committed'>;
}

export interface Retired {
  readonly removed: number;
  readonly kept: readonly TombstoneKept[];
}

type Due = PlannedRetirement & { readonly entry: ManifestSession };

/**
 * Removes the rows of tombstones that the plan retires, each only if its manifest is still in the archive with every
 * byte in place, holds this very row, and is not forgotten, and a plan made afresh retires it too. Then their stub transcripts. A run that
 * dies in between leaves stubs that no row names: `sweepStrayStubs` of the next run.
 */
export async function retireTombstones(
  store: RetireStore,
  archive: Archive,
  planned: ArchivePlan,
  onBrokenBatch: OnBrokenBatch,
  signal?: AbortSignal,
): Promise<Retired> {
  const kept: TombstoneKept[] = [];
  const keep = ({ sessionKey, archiveId }: PlannedRetirement, why: TombstoneKept['why']) =>
    void kept.push({ sessionKey, archiveId, why });

  const archived: Due[] = [];
  const marks = await archive.marks(signal ? { signal } : {});
  const isForgotten = ({ archiveId }: PlannedRetirement) => marks.isForgotten(archiveId);
  for (const one of planned.retired.filter(isForgotten)) keep(one, 'forgotten');
  for (const [batchId, ofBatch] of byBatch(planned.retired.filter((one) => !isForgotten(one)))) {
    const sessions = await readStillArchived(archive, batchId, store.id, onBrokenBatch, signal);
    for (const one of ofBatch) {
      const entry = sessions.get(one.archiveId);
      if (entry === undefined) keep(one, 'not-in-archive');
      else if (!isTombstoneOf(entry, one)) keep(one, 'not-the-archived-tombstone');
      else archived.push({ ...one, entry });
    }
  }
  if (archived.length === 0 || signal?.aborted) return { removed: 0, kept };

  await store.assertMayCommit();
  const due: Due[] = [];
  const { retired, snapshot } = await store.plan();
  const stillDue = new Map(retired.map((one) => [one.sessionKey, rowSha256(one.row)]));
  // Reading what is still archived takes a while.
  const fresh = await archive.marks(signal ? { signal } : {});
  for (const one of archived) {
    if (fresh.isForgotten(one.archiveId)) keep(one, 'forgotten');
    else if (stillDue.get(one.sessionKey) !== rowSha256(one.row)) keep(one, 'now-active');
    else if (one.entry.files.some(({ name }) => snapshot.files.has(name))) keep(one, 'files-here');
    else if (!(await isStubUntouched(store.sessionsDir, one.entry))) keep(one, 'stub-used');
    else due.push(one);
  }
  if (due.length === 0) return { removed: 0, kept };

  const outcomes = await store.sessions.commit(due.map(rowChange));
  let removed = 0;
  for (const one of due) {
    const outcome = outcomes.get(one.sessionKey) ?? 'rejected';
    if (outcome === 'committed') {
      await removeOwnStub(store.sessionsDir, one.entry);
      removed += 1;
    } else keep(one, outcome);
  }
  if (removed > 0) await syncDirectory(store.sessionsDir);
  return { removed, kept };
}

function byBatch(planned: readonly PlannedRetirement[]): ReadonlyMap<string, PlannedRetirement[]> {
  const batches = new Map<string, PlannedRetirement[]>();
  for (const one of planned) {
    const batchId = parseArchiveId(one.archiveId)?.batchId ?? '';
    batches.set(batchId, [...(batches.get(batchId) ?? []), one]);
  }
  return batches;
}

/** Whether the manifest holds this conversation, and this row as what became of it. */
function isTombstoneOf(
  { sessionKey, action, tombstone, row: original }: ManifestSession,
  { sessionKey: key, row }: PlannedRetirement,
): boolean {
  if (sessionKey !== key || action !== 'trim' || original === null || tombstone === null) return false;
  return isSameButDerived(row, tombstone);
}

function rowChange({ sessionKey, archiveId, row }: Due) {
  return { sessionKey, archiveId, expectSha256: rowSha256(row), replaceWith: null };
}

/** For the report. */
export const KEPT_TOMBSTONES: Readonly<Record<TombstoneKept['why'], string>> = {
  'not-in-archive': 'the archive no longer holds the whole conversation (clawback verify)',
  forgotten: 'it is forgotten in the archive: its routing is all that will be left of it',
  'not-the-archived-tombstone': 'its row is not the one that was archived',
  'files-here': 'files of the conversation are here again',
  'stub-used': 'somebody has written to its stub transcript',
  'now-active': 'it came into use while we looked',
  changed: 'its row changed while we looked',
  gone: 'its row was gone already',
  active: 'a run works on it',
  rejected: 'the store did not take the change',
};
