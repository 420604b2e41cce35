import type { ActivityEvidence } from '../../src/openclaw/activity-evidence.ts';
import type { StoreLocation } from '../../src/openclaw/discover-stores.ts';
import { type ArchivePlan, type PlanInput, planArchive } from '../../src/plan/plan.ts';
import type { Policy } from '../../src/plan/policy.ts';
import { classifyFileName } from '../../src/scan/file-kind.ts';
import type { ScannedFile, Snapshot } from '../../src/scan/scan.ts';
import type { Media } from '../../src/scan/scan-media.ts';
import type { Row, StoreRow } from '../../src/sessions/session-store.ts';

export const NOW_MS = Date.parse('2026-11-21T09:00:00.000Z');
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Where the described sessions lie; nothing is read there. */
export const SESSIONS_DIR = '/state/agents/main/sessions';

export const STORE: StoreLocation = {
  id: 'main',
  agentId: 'main',
  storePath: `${SESSIONS_DIR}/sessions.json`,
  sessionsDir: SESSIONS_DIR,
  mediaDir: '/state/media/outgoing',
  state: 'file',
};

export const NO_ACTIVITY: ActivityEvidence = { byKey: new Map(), queuedDeliveries: [], unreadable: [] };

/** What `clawback.json` says when it says nothing. `plan.test.ts` compares it with the real default. */
export const DEFAULT_POLICY: Policy = {
  modelRunPruneAfterMs: DAY_MS,
  perKindMs: {},
  orphanPruneAfterMs: 7 * DAY_MS,
  minIdleMs: HOUR_MS,
};

/** The same id for the same number, on every machine. */
export function uuid(n: number): string {
  return `${n.toString(16).padStart(8, '0')}-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** A row last touched `ageMs` before `NOW_MS`, with more fields if wanted. */
export function rowOf(sessionKey: string, ageMs: number, fields: Row = {}): StoreRow {
  return { sessionKey, row: { updatedAt: NOW_MS - ageMs, ...fields } };
}

let inode = 1n;

/** A file of the sessions folder, last written `ageMs` before `NOW_MS`. */
export function fileOf(name: string, ageMs: number, changes: Partial<ScannedFile> = {}): ScannedFile {
  const mtimeMs = NOW_MS - ageMs;
  inode += 1n;
  const identity = { dev: 1n, ino: inode, size: 1000n, mtimeNs: BigInt(mtimeMs) * 1_000_000n, ctimeNs: 1n };
  const kind = classifyFileName(name, 'sessions.json');
  return {
    name,
    ...kind,
    sizeBytes: 1000,
    diskBytes: 4096,
    mtimeMs,
    mode: 0o600,
    identity,
    isPlain: true,
    ...changes,
  };
}

export interface SnapshotParts {
  readonly rows?: readonly StoreRow[];
  readonly files?: readonly ScannedFile[];
  readonly neighbourRows?: readonly StoreRow[];
  readonly activity?: Partial<ActivityEvidence>;
  readonly store?: StoreLocation;
  readonly prompts?: Snapshot['prompts'];
  readonly malformedRows?: number;
  readonly ownsOrphans?: boolean;
  readonly media?: Partial<Media>;
}

export function snapshotOf(parts: SnapshotParts): Snapshot {
  const store = parts.store ?? STORE;
  return {
    store,
    realSessionsDir: store.sessionsDir,
    rows: parts.rows ?? [],
    malformedRows: parts.malformedRows ?? 0,
    neighbourRows: parts.neighbourRows ?? [],
    ownsOrphans: parts.ownsOrphans ?? true,
    files: new Map((parts.files ?? []).map((file) => [file.name, file])),
    media: { byKey: new Map(), originals: new Map(), left: [], ...parts.media },
    prompts: parts.prompts ?? { files: 0, diskBytes: 0, hashes: new Set() },
    activity: { ...NO_ACTIVITY, ...parts.activity },
  };
}

export interface PlanParts extends SnapshotParts {
  /** On top of `DEFAULT_POLICY`. */
  readonly policy?: Partial<Policy>;
  /** Session ids that were restored, with how long ago. */
  readonly restoredAgeMs?: Readonly<Record<string, number>>;
}

export function inputOf(parts: PlanParts): PlanInput {
  const restored = Object.entries(parts.restoredAgeMs ?? {});
  return {
    snapshot: snapshotOf(parts),
    policy: { ...DEFAULT_POLICY, ...parts.policy },
    nowMs: NOW_MS,
    restoredAtMs: new Map(restored.map(([id, ageMs]) => [id, NOW_MS - ageMs])),
  };
}

export function planOf(parts: PlanParts): ArchivePlan {
  return planArchive(inputOf(parts));
}
