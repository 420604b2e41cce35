import { basename, dirname, isAbsolute, normalize } from 'node:path';
import type { ScannedFile, Snapshot } from '../scan/scan.ts';
import { familyOf, sessionIdOf } from '../sessions/row.ts';
import type { Row, StoreRow } from '../sessions/session-store.ts';

/** Where a row keeps its transcript. */
export type TranscriptPlace =
  | { readonly at: 'here'; readonly name: string }
  /** Another folder: not ours to touch. */
  | { readonly at: 'elsewhere' }
  | { readonly at: 'nowhere' };

export function transcriptPlace(row: Row, folders: readonly string[]): TranscriptPlace {
  const file = row.sessionFile;
  if (typeof file === 'string' && file.trim() !== '') return resolveFile(file.trim(), folders);
  const id = sessionIdOf(row);
  return id === null ? { at: 'nowhere' } : { at: 'here', name: `${id}.jsonl` };
}

function resolveFile(file: string, folders: readonly string[]): TranscriptPlace {
  const path = normalize(file);
  const inFolder = isAbsolute(path) ? folders.includes(dirname(path)) : basename(path) === path;
  return inFolder && path !== '..' && path !== '.'
    ? { at: 'here', name: basename(path) }
    : { at: 'elsewhere' };
}

/** Names of the files that a row owns, whether or not they exist. */
export function namesOf(row: Row, folders: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  const place = transcriptPlace(row, folders);
  const bases = new Set<string>();
  const id = sessionIdOf(row);
  if (id !== null) bases.add(id);
  if (place.at === 'here') bases.add(place.name.replace(/\.jsonl$/, ''));
  if (place.at === 'here') names.add(place.name);
  for (const base of bases) {
    names.add(`${base}.jsonl`);
    names.add(`${base}.trajectory.jsonl`);
    names.add(`${base}.trajectory-path.json`);
    names.add(`${base}.jsonl.codex-app-server.json`);
    names.add(`${base}.jsonl.lock`);
  }
  for (const name of checkpointNames(row, folders)) names.add(name);
  return names;
}

function checkpointNames(row: Row, folders: readonly string[]): string[] {
  const checkpoints = row.compactionCheckpoints;
  if (!Array.isArray(checkpoints)) return [];
  return checkpoints.flatMap((checkpoint: unknown) =>
    ['preCompaction', 'postCompaction'].flatMap((side) => {
      const file = (checkpoint as Record<string, { sessionFile?: unknown } | undefined> | null)?.[side]
        ?.sessionFile;
      if (typeof file !== 'string') return [];
      const place = resolveFile(file.trim(), folders);
      return place.at === 'here' ? [place.name] : [];
    }),
  );
}

/** Which rows name which files and session ids: a file of two rows, or of none, is told by this. */
export class References {
  readonly #owners = new Map<string, Set<string>>();
  readonly #ids = new Map<string, number>();
  readonly #families = new Map<string, string>();
  readonly #children = new Map<string, StoreRow[]>();
  readonly #looseCheckpoints = new Map<string, ScannedFile[]>();
  readonly #files: Snapshot['files'];
  readonly folders: readonly string[];

  constructor(snapshot: Snapshot) {
    this.folders = [snapshot.store.sessionsDir, snapshot.realSessionsDir];
    this.#files = snapshot.files;
    for (const { sessionKey, row } of [...snapshot.rows, ...snapshot.neighbourRows]) {
      for (const name of namesOf(row, this.folders)) addTo(this.#owners, name, sessionKey);
      const id = sessionIdOf(row);
      if (id !== null) this.#ids.set(id, (this.#ids.get(id) ?? 0) + 1);
      for (const member of [id, ...familyOf(row)])
        if (member !== null) this.#families.set(member, sessionKey);
      for (const parent of new Set([row.spawnedBy, row.parentSessionKey])) {
        if (typeof parent !== 'string') continue;
        this.#children.set(parent, [...(this.#children.get(parent) ?? []), { sessionKey, row }]);
      }
    }
    for (const file of snapshot.files.values()) {
      if (file.kind !== 'checkpoint' || this.isReferenced(file.name)) continue;
      this.#looseCheckpoints.set(file.base, [...(this.#looseCheckpoints.get(file.base) ?? []), file]);
    }
  }

  /** The existing files of a row: what it names, and checkpoints of its session that nobody names. */
  filesOf(row: Row): ScannedFile[] {
    const files = [...namesOf(row, this.folders)].flatMap((name) => this.#files.get(name) ?? []);
    return [...files, ...(this.#looseCheckpoints.get(sessionIdOf(row) ?? '') ?? [])];
  }

  isReferenced(name: string): boolean {
    return this.#owners.has(name);
  }

  /** Whether another row uses the session id or one of the files. */
  isShared(row: Row): boolean {
    const id = sessionIdOf(row);
    if (id !== null && (this.#ids.get(id) ?? 0) > 1) return true;
    return [...namesOf(row, this.folders)].some((name) => (this.#owners.get(name)?.size ?? 0) > 1);
  }

  childrenOf(sessionKey: string): readonly StoreRow[] {
    return this.#children.get(sessionKey) ?? [];
  }

  /** The key of the conversation that once ran under this session id, as far as a row still knows. */
  keyOfFamilyMember(sessionId: string): string | null {
    return this.#families.get(sessionId) ?? null;
  }
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([value]));
  else set.add(value);
}
