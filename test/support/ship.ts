import { openCodec } from '../../src/codec/open.ts';
import type { LeaseCheck } from '../../src/leases/fence.ts';
import { decodeManifest, MAX_MANIFEST_BYTES, type Manifest } from '../../src/manifest/manifest.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import type { ShipContext } from '../../src/ship/ship-batch.ts';
import type { ShipSession, ShipTask, SourceFile, WorkerSettings } from '../../src/ship/task.ts';
import { BATCH_ID, type Entry, foldersOf, orphanEntry } from './sessions.ts';
import { NOW_MS } from './snapshot.ts';

export const INSTANCE = 'oc-test';
export const PACK_KEY = `${INSTANCE}/packs/${BATCH_ID}.tar.zst`;
export const MANIFEST_KEY = `${INSTANCE}/manifests/${BATCH_ID}.json.zst`;

export const SETTINGS: WorkerSettings = {
  archive: { url: 'memory:', s3: {} },
  engine: 'auto',
  level: 3,
  verify: 'content',
  tool: 'clawback/0.0.0',
  instance: INSTANCE,
  runId: BATCH_ID.slice(0, -5),
  lease: null,
};

/** Of a store that nobody else wants. */
export const HELD: LeaseCheck = { assertHeld: async () => {}, assertNotKnownLost: () => {} };

export async function contextOf(
  objects: ObjectStore = new MemoryObjectStore(),
  settings: Partial<WorkerSettings> = {},
): Promise<ShipContext> {
  const codec = await openCodec(settings.engine ?? 'auto');
  return { objects, codec, settings: { ...SETTINGS, ...settings }, lease: HELD, nowMs: () => NOW_MS };
}

export function taskOf(
  sessionsDir: string,
  sessions: readonly (readonly SourceFile[])[],
  changes: { readonly keepFiles?: boolean; readonly entry?: Partial<Entry> } = {},
): ShipTask {
  return {
    batchId: BATCH_ID,
    storeId: 'main',
    ...foldersOf(sessionsDir),
    sessions: sessions.map(
      (files, index): ShipSession => ({
        entry: orphanEntry({ archiveId: `${BATCH_ID}.${index}`, sessionId: `s${index}`, ...changes.entry }),
        files,
        keepFiles: changes.keepFiles ?? true,
      }),
    ),
  };
}

export async function manifestIn({ objects, codec }: ShipContext, key = MANIFEST_KEY): Promise<Manifest> {
  return decodeManifest(codec.decompress(await objects.get(key), MAX_MANIFEST_BYTES), key);
}
