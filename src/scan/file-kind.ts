import { FILE_KINDS, type FileKind, isManifestFileName } from '../manifest/manifest.ts';

/**
 * What a top-level name of a sessions folder is, by OpenClaw's own classifiers
 * (`src/config/sessions/artifacts.ts` of 2026.5.28). Only the kinds of a manifest are ever
 * archived; all others are counted and left alone.
 */
export type ScannedKind = FileKind | 'store' | 'store-backup' | 'store-temporary' | 'lock' | 'unknown';

const STAMP = String.raw`\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}(?:\.\d{3})?Z`;
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const CHECKPOINT = new RegExp(String.raw`^(.+)\.checkpoint\.${UUID}\.jsonl$`, 'i');
const TRAJECTORY = /^(.+)\.trajectory\.jsonl$/;
const POINTER = /^(.+)\.trajectory-path\.json$/;
const CODEX = /^(.+)\.jsonl\.codex-app-server\.json$/;
const RESET = new RegExp(String.raw`^(.+)\.jsonl\.reset\.${STAMP}$`);
const DELETED = new RegExp(String.raw`^(.+)\.jsonl\.deleted\.${STAMP}$`);
/** Legacy compaction (`.bak.<stamp>`), transcript repair (`.bak-<pid>-<ms>`) and doctor (`.pre-doctor-….bak`). */
const BACKUP = new RegExp(String.raw`^(.+)\.jsonl(?:\.bak\.${STAMP}|\.bak-\d+-\d+|\.pre-doctor-[^/]*\.bak)$`);
const LOCK = /^(.+)\.jsonl\.lock$/;
const TRANSCRIPT = /^(.+)\.jsonl$/;

const RULES: readonly (readonly [ScannedKind, RegExp])[] = [
  ['checkpoint', CHECKPOINT],
  ['trajectory', TRAJECTORY],
  ['pointer', POINTER],
  ['codex', CODEX],
  ['reset', RESET],
  ['deleted', DELETED],
  ['backup', BACKUP],
  ['lock', LOCK],
  ['transcript', TRANSCRIPT],
];

export interface FileName {
  readonly kind: ScannedKind;
  /** The transcript's name without `.jsonl`, shared by everything that hangs on it. Empty for the store and unknown names. */
  readonly base: string;
}

/** @param storeName the base name of the store, `sessions.json` unless `session.store` says otherwise. */
export function classifyFileName(name: string, storeName: string): FileName {
  if (name === storeName) return { kind: 'store', base: '' };
  if (name.startsWith(`${storeName}.`)) {
    const rest = name.slice(storeName.length + 1);
    if (/^bak\.\d+$/.test(rest)) return { kind: 'store-backup', base: '' };
    if (new RegExp(String.raw`^(?:\d+\.)?${UUID}\.tmp$`, 'i').test(rest))
      return { kind: 'store-temporary', base: '' };
    return { kind: 'unknown', base: '' };
  }
  // What a manifest could not name is never archived, so it is never removed.
  if (!isManifestFileName(name)) return { kind: 'unknown', base: '' };
  for (const [kind, pattern] of RULES) {
    const base = pattern.exec(name)?.[1];
    if (base !== undefined) return { kind, base };
  }
  return { kind: 'unknown', base: '' };
}

export function isArchivable(kind: ScannedKind): kind is FileKind {
  return (FILE_KINDS as readonly string[]).includes(kind);
}

const BASE_ID = new RegExp(`^(?:\\d{4}-\\d{2}-\\d{2}T[\\w-]+_)?(${UUID}|.+?)(?:-topic-.+)?$`, 'i');

/** The session id in a base name: forks carry a time stamp before it, threads a topic behind it. */
export function sessionIdOfBase(base: string): string {
  return BASE_ID.exec(base)?.[1] ?? base;
}
