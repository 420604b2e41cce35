import type { Manifest, ManifestFile } from '../../src/manifest/manifest.ts';
import { entryOf, sessionOf, sha256 } from './sessions.ts';
import { INSTANCE } from './ship.ts';
import { NOW_MS } from './snapshot.ts';

export const FILE: ManifestFile = {
  name: 'old.jsonl',
  kind: 'transcript',
  size: 500,
  sha256: sha256('old'),
  mode: 0o600,
  mtimeMs: 1_700_000_000_123.456,
  place: { frame: 0, offset: 512 },
};

/** The id of the nth batch of a run in its nth minute. */
export function batchId(n: number): string {
  return `20261121t09${String(n % 60).padStart(2, '0')}00z-${n.toString(16).padStart(8, '0')}-0001`;
}

/** A manifest of `sessions` trimmed conversations, each with one file. */
export function manifestOf(n = 1, sessions = 1, changes: Partial<Manifest> = {}): Manifest {
  const id = batchId(n);
  return {
    format: 'clawback.manifest/1',
    tool: 'clawback/0.0.0',
    instance: INSTANCE,
    runId: id.slice(0, -5),
    batchId: id,
    createdAt: new Date(NOW_MS + n * 1000).toISOString(),
    source: { kind: 'openclaw-file-store', storeId: 'main' },
    verified: 'content',
    packs: [
      {
        key: `${INSTANCE}/packs/${id}.tar.zst`,
        storedBytes: 100 * sessions,
        sha256: sha256('pack'),
        rawBytes: 1000 * sessions,
        engine: 'node',
        level: 3,
        encryption: 'none',
        frames: [{ offset: 0, storedBytes: 100 * sessions, rawBytes: 1000 * sessions }],
      },
    ],
    sessions: Array.from({ length: sessions }, (_, index) =>
      sessionOf(
        entryOf({
          archiveId: `${id}.${index}`,
          sessionKey: `agent:main:slack:channel:c${n}:thread:${index}.1`,
          sessionId: `s${n}-${index}`,
        }),
        [FILE],
      ),
    ),
    ...changes,
  };
}
