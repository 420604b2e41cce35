import { basename, dirname, isAbsolute, normalize } from 'node:path';
import { isManifestFileName } from '../manifest/manifest.ts';
import { sessionIdOfBase } from '../scan/file-kind.ts';
import type { ScannedFile, Snapshot } from '../scan/scan.ts';
import { familyOf, sessionIdOf, tombstoneMark } from '../sessions/row.ts';
import type { Row, StoreRow } from '../sessions/session-store.ts';

/** Where a row keeps its transcript. */
export type TranscriptPlace =
  | { readonly at: 'here'; readonly name: string }
  /** Another folder: not ours to touch. */
  | { readonly at: 'elsewhere' }
  | { readonly at: 'nowhere' };

/** The sessions folder as rows may spell it. */
export interface Folder {
  /** As configured, and with symbolic links resolved. */
  readonly paths: readonly string[];
  readonly has: (name: string) => boolean;
}

export function transcriptPlace(row: Row, folder: Folder): TranscriptPlace {
  const file = row.sessionFile;
  if (typeof file === 'string' && file.trim() !== '') return resolveFile(file.trim(), folder);
  const id = sessionIdOf(row);
  return id === null ? { at: 'nowhere' } : { at: 'here', name: `${id}.jsonl` };
}

function resolveFile(file: string, folder: Folder): TranscriptPlace {
  const path = normalize(file);
  const name = basename(path);
  const isHere = isAbsolute(path) ? isOurFolder(dirname(path), name, folder) : name === path;
  return isHere && isPossible(name) ? { at: 'here', name } : { at: 'elsewhere' };
}

/** Whether a transcript can have the name, and its lock the name that follows from it. */
function isPossible(name: string): boolean {
  return isManifestFileName(name) && Buffer.byteLength(`${name}.lock`) <= 255;
}

/** A gateway in a container spells the folder by another root: the agent's part of the path tells, if the file is here. */
function isOurFolder(directory: string, name: string, { paths, has }: Folder): boolean {
  if (paths.includes(directory)) return true;
  const tail = AGENT_FOLDER.exec(directory)?.[0];
  return tail !== undefined && has(name) && paths.some((path) => path.endsWith(tail));
}

const AGENT_FOLDER = /\/agents\/[^/]+\/sessions$/;

/** Names of the files that a row owns, whether or not they exist. */
export function namesOf(row: Row, folder: Folder): ReadonlySet<string> {
  const names = new Set<string>();
  const bases = new Set<string>();
  const id = sessionIdOf(row);
  if (id !== null) bases.add(id);
  const transcript = transcriptName(row);
  if (transcript !== null) {
    names.add(transcript);
    bases.add(transcript.replace(/\.jsonl$/, ''));
  }
  for (const base of bases) {
    names.add(`${base}.jsonl`);
    names.add(`${base}.trajectory.jsonl`);
    names.add(`${base}.trajectory-path.json`);
    names.add(`${base}.jsonl.codex-app-server.json`);
    names.add(`${base}.jsonl.lock`);
  }
  for (const name of checkpointNames(row, folder)) names.add(name);
  return names;
}

/** Whatever folder the row puts it into: a file of that name is nobody's orphan. */
function transcriptName({ sessionFile }: Row): string | null {
  return typeof sessionFile === 'string' && sessionFile.trim() !== '' ? basename(sessionFile.trim()) : null;
}

function checkpointNames(row: Row, folder: Folder): string[] {
  const checkpoints = row.compactionCheckpoints;
  if (!Array.isArray(checkpoints)) return [];
  return checkpoints.flatMap((checkpoint: unknown) =>
    ['preCompaction', 'postCompaction'].flatMap((side) => {
      const file = (checkpoint as Record<string, { sessionFile?: unknown } | undefined> | null)?.[side]
        ?.sessionFile;
      if (typeof file !== 'string') return [];
      const place = resolveFile(file.trim(), folder);
      return place.at === 'here' ? [place.name] : [];
    }),
  );
}

/** The folder of a snapshot. */
export function folderOf({ store, realSessionsDir, files }: Snapshot): Folder {
  return { paths: [store.sessionsDir, realSessionsDir], has: (name) => files.has(name) };
}

/** Which rows name which files and session ids: a file of two rows, or of none, is told by this. */
export class References {
  readonly #owners = new Map<string, Set<string>>();
  readonly #ids = new Map<string, number>();
  readonly #families = new Map<string, StoreRow[]>();
  readonly #interim = new Map<Row, ScannedFile[]>();
  readonly #interimOwners = new Map<string, StoreRow>();
  readonly #children = new Map<string, StoreRow[]>();
  readonly #checkpoints = new Map<string, ScannedFile[]>();
  readonly #files: Snapshot['files'];
  readonly folder: Folder;

  constructor(snapshot: Snapshot) {
    this.#files = snapshot.files;
    this.folder = folderOf(snapshot);
    for (const { sessionKey, row } of [...snapshot.rows, ...snapshot.neighbourRows]) {
      for (const name of namesOf(row, this.folder)) addTo(this.#owners, name, sessionKey);
      const id = sessionIdOf(row);
      if (id !== null) this.#ids.set(id, (this.#ids.get(id) ?? 0) + 1);
      for (const member of new Set([id, ...familyOf(row)])) {
        if (member === null) continue;
        this.#families.set(member, [...(this.#families.get(member) ?? []), { sessionKey, row }]);
      }
      for (const parent of new Set([row.spawnedBy, row.parentSessionKey])) {
        if (typeof parent !== 'string') continue;
        this.#children.set(parent, [...(this.#children.get(parent) ?? []), { sessionKey, row }]);
      }
    }
    for (const file of snapshot.files.values()) {
      if (file.kind !== 'checkpoint' || this.#owners.has(file.name)) continue;
      this.#checkpoints.set(file.base, [...(this.#checkpoints.get(file.base) ?? []), file]);
    }
    this.#findInterim();
  }

  /**
   * An interim session: the conversation went on under it until an older one was resumed. Its transcript still stands
   * under its own name, where a reset would have renamed it; it belongs to the row that has its id in the family, with
   * everything that hangs on it, unless any other row has to do with it. A tombstone owns nothing.
   */
  #findInterim(): void {
    const owners = new Map<string, StoreRow>();
    for (const { kind, name, base } of this.#files.values()) {
      if (kind !== 'transcript' || this.#owners.has(name)) continue;
      const id = sessionIdOfBase(base);
      const [owner, ...others] = this.#families.get(id) ?? [];
      if (owner === undefined || others.length > 0 || this.#ids.has(id)) continue;
      if (tombstoneMark(owner.row) === undefined) owners.set(base, owner);
    }
    for (const file of this.#files.values()) {
      const owner = owners.get(file.base);
      if (owner === undefined || this.#owners.has(file.name)) continue;
      this.#interimOwners.set(file.name, owner);
      this.#interim.set(owner.row, [...(this.#interim.get(owner.row) ?? []), file]);
    }
  }

  /** The existing files of a row: what it names, checkpoints of its session that nobody names, and interim sessions. */
  filesOf(row: Row): ScannedFile[] {
    const files = [...namesOf(row, this.folder)].flatMap((name) => this.#files.get(name) ?? []);
    const checkpoints = this.#checkpoints.get(sessionIdOf(row) ?? '') ?? [];
    return [...files, ...checkpoints, ...(this.#interim.get(row) ?? [])];
  }

  /** Session ids of the row's interim sessions that have files here. */
  interimIdsOf(row: Row): string[] {
    return [...new Set((this.#interim.get(row) ?? []).map(({ base }) => sessionIdOfBase(base)))];
  }

  /** The row to whose interim session the file belongs. */
  interimOwnerOf(name: string): StoreRow | undefined {
    return this.#interimOwners.get(name);
  }

  /** Whether a row names the file, or it belongs to a session that a row has or had in between. */
  isReferenced(name: string): boolean {
    const file = this.#files.get(name);
    if (this.#owners.has(name) || this.#interimOwners.has(name)) return true;
    return file?.kind === 'checkpoint' && this.#ids.has(file.base);
  }

  /** Whether another row uses the session id or one of the files. */
  isShared(row: Row): boolean {
    const id = sessionIdOf(row);
    if (id !== null && (this.#ids.get(id) ?? 0) > 1) return true;
    return [...namesOf(row, this.folder)].some((name) => (this.#owners.get(name)?.size ?? 0) > 1);
  }

  childrenOf(sessionKey: string): readonly StoreRow[] {
    return this.#children.get(sessionKey) ?? [];
  }

  /** The key of the conversation that once ran under this session id, as far as a row still knows. */
  keyOfFamilyMember(sessionId: string): string | null {
    return this.#families.get(sessionId)?.at(-1)?.sessionKey ?? null;
  }
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([value]));
  else set.add(value);
}
