import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ClawbackError, describe, errnoOf } from '../errors.ts';
import { pathOf, placeName } from '../manifest/file-place.ts';
import { isFileNameOf } from '../manifest/manifest.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import { onFile } from '../system-error.ts';
import { describeStats, listNames, lstatIfThere } from './file-stats.ts';
import type { ScannedFile } from './scanned-file.ts';

/** Why an attachment record is not archived with its session. It stays where it is, and so does what it names. */
export const MEDIA_REASONS = {
  'media-not-plain': 'it is a link, a device or a folder',
  'media-unreadable': 'it is not a record that OpenClaw would have written',
  'media-elsewhere': 'the image that it names lies outside media/outgoing/originals',
} as const;

export interface LeftMedia {
  /** Below the state folder. */
  readonly name: string;
  readonly reason: keyof typeof MEDIA_REASONS;
}

/** Images that the gateway sent in conversations of one store. */
export interface Media {
  /** Per session key the records, each followed by its image. */
  readonly byKey: ReadonlyMap<string, readonly ScannedFile[]>;
  /** Every image in the folder, whoever's, by its name. */
  readonly originals: ReadonlyMap<string, ScannedFile>;
  readonly left: readonly LeftMedia[];
}

/** A record is a few hundred bytes; 2026.5.28 to 2026.7.35 write nothing of variable length into it but names. */
const MAX_RECORD_BYTES = 64 * 1024;

interface RecordFields {
  readonly sessionKey: string;
  /** Absent: not yet tied to a message. OpenClaw itself removes such a record after 15 minutes. */
  readonly messageId: string | undefined;
  /** Written since 2026.6.11, for the key `global` only, which every agent has. */
  readonly agentId: string | undefined;
  readonly originalPath: string;
}

/**
 * Reads only.
 * @param ownsKey whether a session key is one of this store's rows, and of no other store's.
 * @throws {ClawbackError} `store-unreadable`: a folder that cannot be looked into is not an empty one.
 */
export async function scanMedia(
  store: StoreLocation,
  ownsKey: (sessionKey: string) => boolean,
): Promise<Media> {
  try {
    return await scanFolders(store, ownsKey);
  } catch (error) {
    throw new ClawbackError('store-unreadable', `look for images in ${store.mediaDir}: ${describe(error)}`, {
      hint: 'run clawback as the user that runs OpenClaw',
      cause: error,
    });
  }
}

async function scanFolders(store: StoreLocation, ownsKey: (sessionKey: string) => boolean): Promise<Media> {
  const byKey = new Map<string, ScannedFile[]>();
  const originals = new Map<string, ScannedFile>();
  const left: LeftMedia[] = [];
  const found = { byKey, originals, left };
  const link = await firstNonFolder(store.mediaDir);
  if (link !== undefined) left.push({ name: link, reason: 'media-not-plain' });
  if (link !== undefined) return found;
  for (const file of await scanFolder('media-original', store)) originals.set(file.name, file);
  for (const record of await scanFolder('media-record', store)) {
    const judged = await judgeRecord(record, originals, store, ownsKey);
    if (judged === undefined) continue;
    if ('reason' in judged)
      left.push({ name: placeName({ kind: 'media-record', name: record.name }), ...judged });
    else addFiles(byKey, judged.sessionKey, judged.files);
  }
  return found;
}

type Judged =
  | { readonly reason: LeftMedia['reason'] }
  | { readonly sessionKey: string; readonly files: readonly ScannedFile[] };

/**
 * Whether a record is one of this session's and names an image of our folder. OpenClaw serves, and removes, whatever
 * path a record names: one that comes out of an archive is held to this before it gets its place.
 */
export async function isHarmlessRecord(
  path: string,
  name: string,
  { sessionKey, mediaDir }: { readonly sessionKey: string | null; readonly mediaDir: string },
): Promise<boolean> {
  const fields = await readRecord(path, name);
  return fields?.sessionKey === sessionKey && originalName(fields.originalPath, mediaDir) !== undefined;
}

/** Undefined: another store's, or not tied to a message yet. */
async function judgeRecord(
  record: ScannedFile,
  originals: Media['originals'],
  store: StoreLocation,
  ownsKey: (sessionKey: string) => boolean,
): Promise<Judged | undefined> {
  const { name, isPlain } = record;
  if (!isPlain) return { reason: 'media-not-plain' };
  if (!isFileNameOf('media-record', name)) return { reason: 'media-unreadable' };
  const fields = await readRecord(pathOf({ kind: 'media-record', name }, store), name);
  if (fields === undefined) return { reason: 'media-unreadable' };
  const { sessionKey, messageId, agentId, originalPath } = fields;
  if (!ownsKey(sessionKey) || (agentId ?? store.agentId) !== store.agentId) return undefined;
  if (messageId === undefined) return undefined;
  const original = originalName(originalPath, store.mediaDir);
  if (original === undefined) return { reason: 'media-elsewhere' };
  const image = originals.get(original);
  if (image !== undefined && !image.isPlain) return { reason: 'media-not-plain' };
  return { sessionKey, files: image === undefined ? [record] : [record, image] };
}

/** A link on the way would lead out of the state folder. Returns its name below that. */
async function firstNonFolder(mediaDir: string): Promise<string | undefined> {
  const stateDir = dirname(dirname(mediaDir));
  const folders = ['media', 'media/outgoing', 'media/outgoing/records', 'media/outgoing/originals'];
  for (const folder of folders) {
    const stats = await lstatIfThere(join(stateDir, folder));
    if (stats !== undefined && !stats.isDirectory()) return folder;
  }
  return undefined;
}

async function scanFolder(
  kind: 'media-record' | 'media-original',
  { mediaDir }: StoreLocation,
): Promise<ScannedFile[]> {
  const folder = join(mediaDir, kind === 'media-record' ? 'records' : 'originals');
  if ((await lstatIfThere(folder)) === undefined) return [];
  const files: ScannedFile[] = [];
  for (const name of (await listNames(folder)).sort()) {
    if (kind === 'media-record' && !name.endsWith('.json')) continue;
    const stats = await lstatIfThere(join(folder, name));
    if (stats !== undefined) files.push({ kind, name, base: '', ...describeStats(stats) });
  }
  return files;
}

/** Two records may name one image: a session has it once. */
function addFiles(byKey: Map<string, ScannedFile[]>, key: string, files: readonly ScannedFile[]): void {
  const known = byKey.get(key) ?? [];
  const fresh = files.filter(
    (file) => !known.some(({ kind, name }) => kind === file.kind && name === file.name),
  );
  byKey.set(key, [...known, ...fresh]);
}

/** Undefined unless it is what OpenClaw writes under this name. */
async function readRecord(path: string, name: string): Promise<RecordFields | undefined> {
  const value = await readSmallJson(path).catch(unlessForbidden);
  const { attachmentId, sessionKey, messageId, agentId, original } = (value ?? {}) as Record<string, unknown>;
  const originalPath = (original as { path?: unknown } | null | undefined)?.path;
  if (attachmentId !== basename(name, '.json') || typeof sessionKey !== 'string') return undefined;
  if (typeof originalPath !== 'string') return undefined;
  const text = (field: unknown) => (typeof field === 'string' && field !== '' ? field : undefined);
  return { sessionKey, messageId: text(messageId), agentId: text(agentId), originalPath };
}

/** Not ours to read: not a record that we can take along. */
function unlessForbidden(error: unknown): undefined {
  if (errnoOf(error) !== 'EACCES') throw error;
}

/** Undefined for what is no file of JSON, or gone by now. */
async function readSmallJson(path: string): Promise<unknown> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    // Removed since it was listed, or a link.
    if (code === 'ENOENT' || code === 'ELOOP') return undefined;
    throw error;
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size > MAX_RECORD_BYTES) return undefined;
    return parseJson(await onFile(path, () => handle.readFile('utf8')));
  } finally {
    await handle.close();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // OpenClaw takes such a file for no record either, and removes it when it cleans up.
    return undefined;
  }
}

const ORIGINALS_FOLDER = '/media/outgoing/originals';

/** The image's name in our own folder. A gateway in a container spells the folder by another root. */
function originalName(path: string, mediaDir: string): string | undefined {
  const folder = dirname(path);
  const isOurs = folder === join(mediaDir, 'originals') || folder.endsWith(ORIGINALS_FOLDER);
  const name = basename(path);
  return isOurs && join(folder, name) === path && isFileNameOf('media-original', name) ? name : undefined;
}

/**
 * Names of the images that any record in the folder names at this moment, whoever's it is. Undefined if one of them
 * is not whole, or no file: OpenClaw may be writing it.
 * @throws what the system says of a record that cannot be read: it may name any of them.
 */
export async function namedOriginals(mediaDir: string): Promise<ReadonlySet<string> | undefined> {
  const names = new Set<string>();
  const folder = join(mediaDir, 'records');
  if ((await lstatIfThere(folder)) === undefined) return names;
  for (const name of await listNames(folder)) {
    if (!name.endsWith('.json')) continue;
    const place = join(folder, name);
    const record = (await readSmallJson(place)) as { original?: { path?: unknown } } | null | undefined;
    // What is gone since it was listed names nothing.
    if (record === undefined && (await lstatIfThere(place)) !== undefined) return undefined;
    const path = record?.original?.path;
    if (typeof path === 'string') names.add(basename(path));
  }
  return names;
}
