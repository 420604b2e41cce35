import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Archive, OnDamage } from '../archive/archive.ts';
import { ClawbackError, type ErrorData, errnoOf, isClawbackError, toErrorData } from '../errors.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import { openGeneration } from '../restore/open-session.ts';
import { keptFiles, restoreToFolder } from '../restore/restore-to-folder.ts';
import { pickReadable } from './pick-readable.ts';
import {
  proveSession,
  type SessionDifference,
  type SessionNote,
  type SessionProof,
} from './prove-session.ts';
import { scratchError, withScratchFolder } from './scratch-folder.ts';

export interface DrillOptions {
  /** How many session generations to restore. */
  readonly sample: number;
  /** Chooses them. Returns a number from 0 up to 1. */
  readonly random: () => number;
  /** Only of these agents; of all if absent. */
  readonly agentIds?: readonly string[] | undefined;
}

export interface DrilledSession {
  readonly archiveId: string;
  readonly agentId: string;
  readonly sessionKey: string | null;
  readonly sessionId: string | null;
  /** Files whose bytes the archive has, and how many those are. */
  readonly files: number;
  readonly bytes: number;
  /** Files of which only the description was kept. */
  readonly notKept: number;
  readonly row: SessionProof['row'] | 'unread';
  readonly differences: readonly SessionDifference[];
  readonly notes: readonly SessionNote[];
}

export interface Drill {
  /** Session generations to choose from. */
  readonly archived: number;
  /** Of these, in packs or manifests that the drill came upon and that must be thawed first: nothing is proven of them. */
  readonly cold: number;
  /** Those that were chosen, oldest first. */
  readonly sessions: readonly DrilledSession[];
  /** Catalogues and manifests that could not be read. */
  readonly damaged: readonly { readonly what: string; readonly error: ErrorData }[];
}

/**
 * Restores a random sample of the archive to a scratch folder, one session at a time, and proves each. What does not
 * come back is told, not thrown.
 * @throws {ClawbackError} `interrupted`; `scratch-io` where there is no room; whatever keeps the catalogue from being read.
 */
export async function drillArchive(
  archive: Archive,
  { sample, random, agentIds }: DrillOptions,
  signal: AbortSignal,
): Promise<Drill> {
  const damaged: Drill['damaged'][number][] = [];
  const onDamage: OnDamage = (what, error) => void damaged.push({ what, error: toErrorData(error) });
  const all = await everySession(archive, onDamage, signal);
  const rows = all.filter(({ agent_id: id }) => agentIds === undefined || agentIds.includes(id));
  const { picked, cold } = await pickReadable(archive, rows, { sample, random }, signal);
  const sessions: DrilledSession[] = [];
  await withScratchFolder(async (scratch) => {
    for (const row of picked) {
      const folder = join(scratch, String(sessions.length));
      sessions.push(await drillSession(archive, row, folder, signal));
      // Of many large sessions the scratch folder holds one.
      await rm(folder, { recursive: true, force: true });
    }
  });
  return { archived: rows.length, cold, sessions, damaged };
}

/**
 * Those as well that a catalogue names and whose batch is gone: to whoever needs one of them back, that is a loss. None
 * that is forgotten: nobody will need it back.
 */
async function everySession(
  archive: Archive,
  onDamage: OnDamage,
  signal: AbortSignal,
): Promise<CatalogueRow[]> {
  const present = await archive.catalogue({ onDamage, signal });
  // Damage of catalogues has been told by now.
  const catalogued = await archive.cataloguedRows({ onDamage: () => {}, signal });
  const batches = await archive.batches(signal);
  const isLost = (row: CatalogueRow) => !batches.has(row.batch_id);
  const lost = new Map(catalogued.filter(isLost).map((row) => [row.archive_id, row]));
  const marks = await archive.marks({ onDamage, signal });
  return [...lost.values(), ...present].filter((row) => !marks.isForgotten(row.archive_id));
}

async function drillSession(
  archive: Archive,
  row: CatalogueRow,
  folder: string,
  signal: AbortSignal,
): Promise<DrilledSession> {
  const { archive_id: archiveId, agent_id: agentId, session_key: sessionKey, session_id: sessionId } = row;
  let about: Pick<DrilledSession, 'files' | 'bytes' | 'notKept' | 'row'> = {
    files: row.files,
    bytes: row.raw_bytes,
    notKept: 0,
    row: 'unread',
  };
  const named = { archiveId, agentId, sessionKey, sessionId };
  try {
    const opened = await openGeneration(archive, archiveId, signal);
    const kept = keptFiles(opened.session);
    about = {
      files: kept.length,
      bytes: kept.reduce((sum, { size }) => sum + size, 0),
      notKept: opened.session.files.length - kept.length,
      row: 'unread',
    };
    await restoreToFolder(archive, opened, folder, signal);
    const proof = await proveSession(opened.session, folder);
    if (signal.aborted) throw interrupted();
    return { ...named, ...about, ...proof };
  } catch (error) {
    if (signal.aborted) throw interrupted();
    const difference: SessionDifference = { file: null, what: 'restore', text: whyNot(error, archiveId) };
    return { ...named, ...about, differences: [difference], notes: [] };
  }
}

/** What no disk can hold: two files of one name, a time or a name that is none. The manifest is at fault. */
const IMPOSSIBLE = new Set(['EEXIST', 'EINVAL', 'ENAMETOOLONG']);

/** @throws the error itself where it is not the archive's. */
function whyNot(error: unknown, archiveId: string): string {
  if (isClawbackError(error)) return error.message;
  const errno = errnoOf(error) ?? '';
  if (IMPOSSIBLE.has(errno)) return `one of its files cannot be written as it is described: ${errno}`;
  throw scratchError(`restore ${archiveId} to a scratch folder`, error);
}

function interrupted(): ClawbackError {
  return new ClawbackError('interrupted', 'drill: interrupted', {
    hint: 'nothing was changed and nothing is left of it',
  });
}
