import type { Archive } from '../archive/archive.ts';
import { ClawbackError } from '../errors.ts';
import { type FileFolders, pathOf } from '../manifest/file-place.ts';
import { parseArchiveId } from '../manifest/keys.ts';
import type { Manifest, ManifestFile, ManifestSession } from '../manifest/manifest.ts';
import type { Marks } from '../marks/marks.ts';
import { isUnreadable } from '../objects/cold.ts';
import type { ArchivePlan, PlannedSession } from '../plan/plan.ts';
import { isRecorder } from '../restore/generations.ts';
import type { ScannedFile } from '../scan/scan.ts';
import { rowSha256 } from '../sessions/canonical-json.ts';
import type { Shipper } from '../ship/shipper.ts';
import type { ArchivedFile } from '../ship/task.ts';
import type { CommittedSession } from '../tombstone/committed.ts';
import { ARCHIVE_DAMAGE } from './damage.ts';
import { proveLocalFile } from './prove-local-file.ts';
import { isOwnTombstone } from './unfinished.ts';

/** A session, or loose files of one, of which a manifest holds every byte. */
export interface ArchivedCopy {
  /** With those of its files that the archive holds. */
  readonly planned: PlannedSession;
  readonly committed: CommittedSession;
}

export interface CopySearch {
  readonly storeId: string;
  readonly folders: FileFolders;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a plan selects and the archive holds already: restored conversations, files that came back beside a newer
 * session, flight recorders of a run that was killed. Local files are hashed; the packs are `proveCopies`' business.
 * A row counts only if it and every file of its session are the archived ones.
 */
export async function findArchivedCopies(
  archive: Archive,
  plan: ArchivePlan,
  search: CopySearch,
): Promise<ArchivedCopy[]> {
  const copies = new Map<PlannedSession, ArchivedCopy>();
  for (const [batchId, candidates] of await candidatesByBatch(archive, plan, search)) {
    const wanted = candidates.filter(({ planned }) => !copies.has(planned));
    if (wanted.length === 0) continue;
    const manifest = await readableManifest(archive, batchId, search.signal);
    if (manifest === undefined) continue;
    const sessions = new Map(manifest.sessions.map((session) => [session.archiveId, session]));
    for (const { planned, archiveId } of wanted) {
      const session = sessions.get(archiveId);
      const copy = session && (await compare(planned, session, search.folders));
      if (copy !== undefined) copies.set(planned, copy);
    }
  }
  return [...copies.values()];
}

/** Undefined where the batch could not be read back now: then it is no copy, and what is here is archived anew. */
async function readableManifest(
  archive: Archive,
  batchId: string,
  signal: AbortSignal | undefined,
): Promise<Manifest | undefined> {
  try {
    const manifest = await archive.manifest(batchId, signal);
    for (const { key } of manifest.packs)
      if (isUnreadable((await archive.objects.stat(key, signal)).cold)) return undefined;
    return manifest;
  } catch (error) {
    if (!(error instanceof ClawbackError) || !ARCHIVE_DAMAGE.has(error.code)) throw error;
    return undefined;
  }
}

interface Candidate {
  readonly planned: PlannedSession;
  readonly archiveId: string;
}

/** By the catalogue: which batches may hold which sessions, the newest first. */
async function candidatesByBatch(
  archive: Archive,
  { selected }: ArchivePlan,
  { storeId, signal }: CopySearch,
): Promise<Map<string, Candidate[]>> {
  const byId = new Map<string, PlannedSession[]>();
  for (const planned of selected) {
    if (planned.sessionId === null) continue;
    byId.set(planned.sessionId, [...(byId.get(planned.sessionId) ?? []), planned]);
  }
  // A damaged catalogue object costs an upload that was not needed, nothing else.
  const options = { onDamage: () => {}, ...(signal ? { signal } : {}) };
  const marks = await readableMarks(archive, signal);
  // What is forgotten is about to go: it is no copy of anything.
  const all = marks === undefined ? [] : await archive.catalogue(options);
  const batches = new Map<string, Candidate[]>();
  const wholeIds = new Set<string>();
  for (const { archive_id: archiveId, store_id, session_id, action } of all.reverse()) {
    const batchId = parseArchiveId(archiveId)?.batchId;
    if (store_id !== storeId || batchId === undefined || session_id === null) continue;
    if (action !== 'files') wholeIds.add(session_id);
    if (marks?.isForgotten(archiveId)) continue;
    for (const planned of byId.get(session_id) ?? []) {
      // A state of the conversation has the recorders since the one before: on an older copy this one would not come back.
      if (isRecorder(planned) && wholeIds.has(session_id)) continue;
      batches.set(batchId, [...(batches.get(batchId) ?? []), { planned, archiveId }]);
    }
  }
  return batches;
}

/** Undefined where nobody knows what is forgotten: then nothing counts as a copy, and what is here is archived anew. */
async function readableMarks(archive: Archive, signal: AbortSignal | undefined): Promise<Marks | undefined> {
  try {
    return await archive.marks(signal ? { signal } : {});
  } catch (error) {
    if (!(error instanceof ClawbackError) || error.code !== 'mark-unreadable') throw error;
    return undefined;
  }
}

async function compare(
  planned: PlannedSession,
  { files: archivedFiles, ...entry }: ManifestSession,
  folders: FileFolders,
): Promise<ArchivedCopy | undefined> {
  const isRow = planned.row !== null;
  if (isRow && (entry.action !== planned.action || !isOwnTombstone(entry))) return undefined;
  if (isRow && (entry.sessionKey !== planned.sessionKey || rowSha256(planned.row) !== entry.rowSha256))
    return undefined;
  const here: ScannedFile[] = [];
  const files: ArchivedFile[] = [];
  for (const file of planned.files) {
    const archived = archivedFiles.find((one) => isSame(one, file));
    const proven = archived && (await proveLocalFile(pathOf(archived, folders), archived));
    if (proven !== undefined) {
      here.push(file);
      files.push(proven);
    } else if (isRow) return undefined;
  }
  if (files.length === 0) return undefined;
  const loose = { action: 'files', row: null, rowSha256: null, tombstone: null } as const;
  const committed = { entry: { ...entry, kind: planned.kind, ...(isRow ? {} : loose) }, files };
  return { planned: { ...planned, files: here }, committed };
}

/** Without a place its bytes were not kept. */
function isSame({ kind, name, size, place }: ManifestFile, file: ScannedFile): boolean {
  return place !== null && kind === file.kind && name === file.name && size === file.sizeBytes;
}

/**
 * Reads back the packs that hold the copies, whole. Returns the copies whose pack is what its manifest says, and that
 * nobody has forgotten by then.
 * @param onDamage told of each batch that is not.
 * @throws {ClawbackError} if the archive does not answer.
 */
export async function proveCopies(
  archive: Archive,
  shipper: Shipper,
  copies: readonly ArchivedCopy[],
  onDamage: (what: string, error: ClawbackError) => void,
  signal?: AbortSignal,
): Promise<ArchivedCopy[]> {
  const proven: ArchivedCopy[] = [];
  const batchOf = ({ committed }: ArchivedCopy) => parseArchiveId(committed.entry.archiveId)?.batchId ?? '';
  for (const batchId of new Set(copies.map(batchOf))) {
    try {
      const { packs, sessions } = await archive.manifest(batchId, signal);
      const files = sessions.flatMap((session) => session.files);
      for (const pack of packs) await shipper.verify(pack, files, signal);
      proven.push(...copies.filter((copy) => batchOf(copy) === batchId));
    } catch (error) {
      if (!(error instanceof ClawbackError) || !ARCHIVE_DAMAGE.has(error.code)) throw error;
      onDamage(`batch ${batchId}, of which copies are here`, error);
    }
  }
  // Somebody may have forgotten one of them meanwhile: then what is here is all that will be left.
  const marks = await readableMarks(archive, signal);
  return proven.filter(({ committed }) => marks?.isForgotten(committed.entry.archiveId) === false);
}
