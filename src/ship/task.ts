import type { EngineChoice } from '../codec/codec.ts';
import type { ErrorData } from '../errors.ts';
import type { LeasePass } from '../leases/fence.ts';
import type { FileFolders, FileRef } from '../manifest/file-place.ts';
import type { ManifestFile, ManifestPack, ManifestSession } from '../manifest/manifest.ts';
import type { ArchiveLocation } from '../objects/location.ts';
import type { FileIdentity } from '../scan/scan.ts';

/** How packs are proven before a manifest names them. */
export type VerifyMode = 'content' | 'stored';

/** What every task of a run has in common: handed to a worker thread once, when it starts. */
export interface WorkerSettings {
  readonly archive: ArchiveLocation;
  readonly engine: EngineChoice;
  readonly level: number;
  readonly verify: VerifyMode;
  /** `clawback/0.1.0`. */
  readonly tool: string;
  readonly instance: string;
  readonly runId: string;
  /** Null: nothing is shipped, only verified. */
  readonly lease: LeasePass | null;
}

/** A local file as the plan saw it. */
export interface SourceFile extends FileRef {
  readonly identity: FileIdentity;
  readonly mode: number;
  readonly mtimeMs: number;
}

/** A session generation on its way: everything of its manifest entry but the files' hashes and places. */
export interface ShipSession {
  readonly entry: Omit<ManifestSession, 'files'>;
  readonly files: readonly SourceFile[];
  /** False: only the row and the files' hashes are kept, not their bytes. */
  readonly keepFiles: boolean;
}

/** Many small sessions, or one large one. All of one store. */
export interface ShipTask extends FileFolders {
  readonly batchId: string;
  readonly storeId: string;
  readonly sessions: readonly ShipSession[];
}

/** Proof that a local file's bytes are in the archive: who holds it may unlink a file of that identity. */
export interface ArchivedFile extends FileRef {
  readonly identity: FileIdentity;
  readonly sha256: string;
}

export interface ShippedSession {
  /** Index into the task's sessions. */
  readonly index: number;
  readonly files: readonly ArchivedFile[];
}

/** A session that stayed behind because its files were not what the plan saw. */
export interface SkippedSession {
  readonly index: number;
  readonly error: ErrorData;
}

export interface ShipReport {
  readonly batchId: string;
  /** Null if every session was skipped: then nothing was stored. */
  readonly manifestKey: string | null;
  readonly shipped: readonly ShippedSession[];
  readonly skipped: readonly SkippedSession[];
  readonly rawBytes: number;
  readonly storedBytes: number;
  readonly objects: number;
}

/** Errors cross the thread border as data: class and code do not survive it. */
export type ShipReply =
  | { readonly ok: true; readonly report: ShipReport }
  | { readonly ok: false; readonly error: ErrorData };

/** Posted by a thread while a task is under way: how many bytes of it are dealt with so far. */
export interface ShipStep {
  readonly batchId: string;
  readonly bytes: number;
}

export function isShipStep(message: unknown): message is ShipStep {
  const { batchId, bytes } = (message ?? {}) as Partial<Record<keyof ShipStep, unknown>>;
  return typeof batchId === 'string' && typeof bytes === 'number';
}

/** Reads a whole pack back and compares it with its manifest. */
export interface VerifyTask {
  readonly pack: ManifestPack;
  readonly files: readonly ManifestFile[];
}

export type VerifyReply = { readonly ok: true } | { readonly ok: false; readonly error: ErrorData };
