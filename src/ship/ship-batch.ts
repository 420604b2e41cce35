import { join } from 'node:path';
import { putManifest } from '../archive/put-manifest.ts';
import type { Codec } from '../codec/codec.ts';
import { toErrorData } from '../errors.ts';
import type { LeaseCheck } from '../leases/fence.ts';
import { type FileRef, placeName } from '../manifest/file-place.ts';
import { manifestKey, packKey } from '../manifest/keys.ts';
import { MANIFEST_FORMAT, type Manifest, type ManifestFile } from '../manifest/manifest.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { isAgentId } from '../openclaw/agent-id.ts';
import { verifyContent, verifyStored } from '../verify/verify-pack.ts';
import { describeFile, type OnFrame, type PackFile, putPack, type StoredPack } from './put-pack.ts';
import { SourceFault, SourceReader } from './source-files.ts';
import type {
  ShipReport,
  ShipSession,
  ShipStep,
  ShipTask,
  SkippedSession,
  SourceFile,
  WorkerSettings,
} from './task.ts';

export interface ShipContext {
  readonly objects: ObjectStore;
  readonly codec: Codec;
  readonly settings: WorkerSettings;
  readonly lease: LeaseCheck;
  readonly nowMs: () => number;
  readonly onStep?: (step: ShipStep) => void;
}

/** Only `verify` makes one, and only from a `StoredPack`: an unproven pack cannot reach a manifest. */
class VerifiedPack {
  readonly stored: StoredPack;
  private constructor(stored: StoredPack) {
    this.stored = stored;
  }
  static async verify(context: ShipContext, stored: StoredPack, onFrame: OnFrame): Promise<VerifiedPack> {
    const { objects, codec, settings } = context;
    if (settings.verify === 'content')
      await verifyContent(objects, codec, stored.pack, stored.files, undefined, onFrame);
    else await verifyStored(objects, stored.pack);
    return new VerifiedPack(stored);
  }
}

/**
 * The body of a worker's task: pack → put → verify → manifest, the manifest last. A session whose files
 * are not what the plan saw is left behind; the others go on.
 */
export async function shipBatch(context: ShipContext, task: ShipTask): Promise<ShipReport> {
  context.lease.assertNotKnownLost(task.storeId);
  const skipped: SkippedSession[] = [];
  let indexes = task.sessions.map((_session, index) => index);
  while (indexes.length > 0) {
    try {
      return { ...(await attempt(context, task, indexes)), skipped };
    } catch (error) {
      if (!(error instanceof SourceFault)) {
        // Who took the lease over has swept what we were uploading: then that is why.
        context.lease.assertNotKnownLost(task.storeId);
        throw error;
      }
      skipped.push({ index: error.session, error: toErrorData(error.reason) });
      indexes = indexes.filter((index) => index !== error.session);
    }
  }
  return {
    batchId: task.batchId,
    manifestKey: null,
    shipped: [],
    skipped,
    rawBytes: 0,
    storedBytes: 0,
    objects: 0,
  };
}

async function attempt(
  context: ShipContext,
  task: ShipTask,
  indexes: readonly number[],
): Promise<Omit<ShipReport, 'skipped'>> {
  const { instance } = context.settings;
  const files = packOrder(task, indexes);
  const discarded = hashDiscarded(task, indexes);
  const onFrame = stepsOf(context, task);
  const verified =
    files.length === 0
      ? undefined
      : await VerifiedPack.verify(context, await put(context, task, files, onFrame), onFrame);
  const filesOf = (index: number): ManifestFile[] => [
    ...(verified?.stored.files.filter((_file, place) => files[place]?.session === index) ?? []),
    ...(discarded.get(index) ?? []),
  ];
  const manifest: Manifest = {
    format: MANIFEST_FORMAT,
    tool: context.settings.tool,
    instance,
    runId: context.settings.runId,
    batchId: task.batchId,
    createdAt: new Date(context.nowMs()).toISOString(),
    source: { kind: 'openclaw-file-store', storeId: task.storeId },
    verified: context.settings.verify,
    packs: verified === undefined ? [] : [verified.stored.pack],
    sessions: indexes.map((index) => ({ ...sessionAt(task, index).entry, files: filesOf(index) })),
  };
  const key = manifestKey(instance, task.batchId);
  const manifestBytes = await putManifest(context, manifest, context.settings.level, () =>
    context.lease.assertHeld(task.storeId),
  );
  return {
    batchId: task.batchId,
    manifestKey: key,
    shipped: indexes.map((index) => ({
      index,
      files: filesOf(index).map(({ kind, name, sha256 }) => ({
        kind,
        name,
        sha256,
        identity: sourceOf(task, index, { kind, name }).identity,
      })),
    })),
    rawBytes: verified?.stored.pack.rawBytes ?? 0,
    storedBytes: (verified?.stored.pack.storedBytes ?? 0) + manifestBytes,
    objects: verified === undefined ? 1 : 2,
  };
}

/** Where packs are read back, a frame is half done when it is stored, and done when it is proven. */
function stepsOf({ settings, onStep }: ShipContext, { batchId }: ShipTask): OnFrame {
  const share = settings.verify === 'content' ? 0.5 : 1;
  let bytes = 0;
  return (rawBytes) => {
    bytes += rawBytes * share;
    onStep?.({ batchId, bytes: Math.round(bytes) });
  };
}

function put(
  { objects, codec, settings }: ShipContext,
  task: ShipTask,
  files: readonly PackFile[],
  onFrame: OnFrame,
): Promise<StoredPack> {
  const key = packKey(settings.instance, task.batchId);
  return putPack(objects, codec, { key, folders: task, files, level: settings.level, onFrame });
}

/** Transcripts first, session by session; then like with like, where repetition lies close together. */
function packOrder(task: ShipTask, indexes: readonly number[]): PackFile[] {
  const files = indexes
    .filter((index) => sessionAt(task, index).keepFiles)
    .flatMap((session) =>
      sessionAt(task, session).files.map((source) => ({
        session,
        source,
        path: join(agentFolder(task, session), placeName(source)),
      })),
    );
  const rank = ({ source }: PackFile) =>
    ['transcript', 'reset', 'deleted', 'backup', 'trajectory'].indexOf(source.kind) + 1 || 6;
  return files.sort((a, b) => rank(a) - rank(b));
}

/** A key may say anything where the agent's id stands, and whoever unpacks with tar alone gets the path that is there. */
function agentFolder(task: ShipTask, index: number): string {
  const { agentId } = sessionAt(task, index).entry;
  return isAgentId(agentId) ? agentId : task.storeId;
}

/** Hashes the files that the operator chose not to keep: the manifest still says what they were. */
function hashDiscarded(task: ShipTask, indexes: readonly number[]): Map<number, ManifestFile[]> {
  const reader = new SourceReader(task);
  const buffer = Buffer.alloc(1024 * 1024);
  const hash = (source: SourceFile, session: number) => {
    reader.begin(source, session);
    for (let left = Number(source.identity.size); left > 0; left -= Math.min(left, buffer.length)) {
      reader.read(buffer.subarray(0, Math.min(left, buffer.length)));
    }
    return describeFile(source, reader.end(), null);
  };
  try {
    const sessions = indexes.filter((index) => !sessionAt(task, index).keepFiles);
    return new Map(
      sessions.map((index) => [index, sessionAt(task, index).files.map((source) => hash(source, index))]),
    );
  } finally {
    reader.close();
  }
}

function sessionAt(task: ShipTask, index: number): ShipSession {
  return task.sessions[index] as ShipSession;
}

function sourceOf(task: ShipTask, index: number, { kind, name }: FileRef): SourceFile {
  return sessionAt(task, index).files.find((file) => file.kind === kind && file.name === name) as SourceFile;
}
