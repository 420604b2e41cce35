import { randomUUID } from 'node:crypto';
import { archiveIdOf, batchIdOf } from '../manifest/keys.ts';
import type { ArchivePlan, PlannedSession } from '../plan/plan.ts';
import { isArchivable } from '../scan/file-kind.ts';
import type { ScannedFile } from '../scan/scan.ts';
import { rowSha256 } from '../sessions/canonical-json.ts';
import { tombstoneOf } from '../tombstone/tombstone.ts';
import type { ShipSession, ShipTask, SourceFile } from './task.ts';

/** Bytes of a batch's files and rows, between these; a single larger session is a batch of its own. */
const MIN_BATCH_BYTES = 16 * 1024 * 1024;
const MAX_BATCH_BYTES = 64 * 1024 * 1024;

/** Rows of 16 KB make a manifest of this many sessions about 8 MB before compression. */
const MAX_BATCH_SESSIONS = 500;

/** A task together with the plan's own view of its sessions, index by index. */
export interface Batch {
  readonly plan: ArchivePlan;
  readonly task: ShipTask;
  readonly planned: readonly PlannedSession[];
}

export interface BatchOptions {
  readonly runId: string;
  readonly jobs: number;
  readonly stub: boolean;
  /** False: the bytes of model runs are not kept, only their rows. */
  readonly keepModelRunFiles: boolean;
}

/** Cuts a plan into tasks: like kinds together, oldest first, as many objects as the bytes ask for. */
export function makeBatches(plan: ArchivePlan, options: BatchOptions, firstSequence: number): Batch[] {
  const sessions = [...plan.selected].sort(
    (a, b) => compare(a.kind, b.kind) || a.lastActivityMs - b.lastActivityMs,
  );
  const totalBytes = sessions.reduce((sum, session) => sum + bytesOf(session), 0);
  const target = Math.min(MAX_BATCH_BYTES, Math.max(MIN_BATCH_BYTES, totalBytes / options.jobs));
  const groups: PlannedSession[][] = [];
  let groupBytes = Number.POSITIVE_INFINITY;
  for (const session of sessions) {
    const bytes = bytesOf(session);
    const group = groups.at(-1);
    if (group === undefined || groupBytes + bytes > target || group.length >= MAX_BATCH_SESSIONS) {
      groups.push([session]);
      groupBytes = bytes;
    } else {
      group.push(session);
      groupBytes += bytes;
    }
  }
  return groups.map((planned, index) =>
    makeBatch(plan, planned, batchIdOf(options.runId, firstSequence + index), options),
  );
}

function makeBatch(
  plan: ArchivePlan,
  planned: readonly PlannedSession[],
  batchId: string,
  options: BatchOptions,
): Batch {
  const { id, sessionsDir, mediaDir } = plan.snapshot.store;
  const sessions = planned.map((session, index) =>
    shipSession(session, archiveIdOf(batchId, index), options),
  );
  return { plan, planned, task: { batchId, storeId: id, sessionsDir, mediaDir, sessions } };
}

function shipSession(planned: PlannedSession, archiveId: string, options: BatchOptions): ShipSession {
  const { sessionKey, sessionId, agentId, kind, action, row, lastActivityMs } = planned;
  return {
    entry: {
      archiveId,
      sessionKey,
      sessionId,
      agentId,
      kind,
      protected: planned.protected,
      action,
      lastActivityMs,
      row,
      rowSha256: row === null ? null : rowSha256(row),
      tombstone: row !== null && action === 'trim' ? makeTombstone(row, archiveId, options.stub) : null,
    },
    files: planned.files.flatMap(sourceFile),
    keepFiles: kind !== 'model-run' || options.keepModelRunFiles,
  };
}

function makeTombstone(row: NonNullable<PlannedSession['row']>, archiveId: string, stub: boolean) {
  const sessionId = randomUUID();
  return tombstoneOf({ row, archiveId, sessionId, ...(stub ? { stubFile: `${sessionId}.jsonl` } : {}) });
}

function sourceFile({ name, kind, identity, mode, mtimeMs }: ScannedFile): SourceFile[] {
  return isArchivable(kind) ? [{ name, kind, identity, mode, mtimeMs }] : [];
}

/** The manifest holds the row twice, before and after. */
function bytesOf({ files, row }: PlannedSession): number {
  const rowBytes = row === null ? 0 : Buffer.byteLength(JSON.stringify(row));
  return files.reduce((sum, file) => sum + file.sizeBytes, 2 * rowBytes);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
