import type { Archive, ReadOptions } from '../archive/archive.ts';
import { isClawbackError } from '../errors.ts';
import type { Manifest, ManifestFile } from '../manifest/manifest.ts';
import { isUnreadable } from '../objects/cold.ts';
import { ARCHIVE_DAMAGE } from '../recover/damage.ts';
import { type Generation, isRecorder } from './generations.ts';
import { type OpenedSession, openGeneration } from './open-session.ts';

/** A flight recorder that was archived by itself while its conversation stayed. */
export interface Recorder {
  readonly archiveId: string;
  readonly manifest: Manifest;
  readonly file: ManifestFile;
}

/** One that stays in the archive though its conversation comes back. `name-taken`: another file of its name is there. */
export interface LeftRecorder {
  readonly archiveId: string;
  readonly why: 'name-taken' | 'cold' | 'damaged';
}

export interface Recorders {
  /** The newest first. */
  readonly found: readonly Recorder[];
  readonly left: readonly LeftRecorder[];
}

/**
 * Where the bytes of a generation's recorders are; what it has itself is left out. No recorder keeps a conversation from
 * coming back: one that cannot be read is told, and left.
 */
export async function openRecorders(
  archive: Archive,
  { recorders }: Generation,
  main: OpenedSession,
  options: ReadOptions,
): Promise<Recorders> {
  const found: Recorder[] = [];
  const left: LeftRecorder[] = [];
  const known = new Set(main.session.files.map(contentOf));
  for (const { archive_id: archiveId } of recorders.toReversed()) {
    try {
      const opened = await openGeneration(archive, archiveId, options.signal);
      // The catalogue finds, the manifest decides.
      if (!isOfSameSession(opened, main)) continue;
      if (await isCold(archive, opened.manifest, options.signal)) {
        left.push({ archiveId, why: 'cold' });
        continue;
      }
      for (const file of opened.session.files) {
        if (file.kind !== 'trajectory' || file.place === null || known.has(contentOf(file))) continue;
        known.add(contentOf(file));
        found.push({ archiveId, manifest: opened.manifest, file });
      }
    } catch (error) {
      left.push(leftUnread(archiveId, error, options));
    }
  }
  return { found, left };
}

function contentOf({ name, sha256 }: ManifestFile): string {
  return `${name} ${sha256}`;
}

function isOfSameSession({ manifest, session }: OpenedSession, main: OpenedSession): boolean {
  const { sessionId, sessionKey } = main.session;
  const isSame = sessionId === null ? session.sessionKey === sessionKey : session.sessionId === sessionId;
  return isSame && isRecorder(session) && manifest.source.storeId === main.manifest.source.storeId;
}

async function isCold(archive: Archive, { packs }: Manifest, signal?: AbortSignal): Promise<boolean> {
  for (const { key } of packs) if (isUnreadable((await archive.objects.stat(key, signal)).cold)) return true;
  return false;
}

/** @throws the error, unless it says that what is stored cannot be read. */
export function leftUnread(archiveId: string, error: unknown, { onDamage }: ReadOptions): LeftRecorder {
  if (!isClawbackError(error) || !ARCHIVE_DAMAGE.has(error.code)) throw error;
  if (error.code === 'object-cold') return { archiveId, why: 'cold' };
  onDamage?.(`flight recorder ${archiveId}`, error);
  return { archiveId, why: 'damaged' };
}
