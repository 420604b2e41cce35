import { createHash } from 'node:crypto';
import { cp } from 'node:fs/promises';
import type { Archive } from '../../src/archive/archive.ts';
import { collectGarbage } from '../../src/gc/gc.ts';
import type { GcOptions, GcTally } from '../../src/gc/gc-context.ts';
import { placeName } from '../../src/manifest/file-place.ts';
import { runIdAt } from '../../src/manifest/keys.ts';
import type { Manifest, ManifestSession } from '../../src/manifest/manifest.ts';
import type { MarkKind } from '../../src/marks/mark.ts';
import { writeMarks } from '../../src/marks/write-marks.ts';
import { PackReader } from '../../src/packs/pack-reader.ts';
import { FaultHome } from './faults.ts';
import { DAY_MS } from './snapshot.ts';

export const GRACE_MS = 7 * DAY_MS;

let runs = 0;

export function collect(archive: Archive, nowMs: number, options: Partial<GcOptions> = {}): Promise<GcTally> {
  return collectGarbage(archive, {
    nowMs,
    graceMs: GRACE_MS,
    level: 3,
    newRunId: () => {
      runs += 1;
      return runIdAt(nowMs, (0xc0000000 + runs).toString(16));
    },
    assertMayDelete: async () => {},
    storeIds: new Set(['main']),
    ...options,
  });
}

export async function mark(
  archive: Archive,
  kind: MarkKind,
  ids: readonly string[],
  nowMs: number,
): Promise<void> {
  await writeMarks(archive, await archive.marks(), kind, ids, nowMs);
}

/** The same home elsewhere, archive and all. */
export async function copyOf(home: FaultHome, root: string): Promise<FaultHome> {
  await cp(home.root, root, { recursive: true, preserveTimestamps: true });
  const copy = new FaultHome(root);
  for (const [name, digest] of home.original) copy.original.set(name, digest);
  copy.nowMs = home.nowMs;
  return copy;
}

/** Everything that is archived of a session: what its manifest says, with the SHA-256 of every file as it comes back. */
export async function wholeSession(archive: Archive, archiveId: string): Promise<unknown> {
  const manifest = await archive.manifest(archiveId.slice(0, archiveId.lastIndexOf('.')));
  const session = manifest.sessions.find((one) => one.archiveId === archiveId);
  if (session === undefined) return undefined;
  const digests = await Promise.all(session.files.map((file) => digestOf(archive, manifest, file)));
  const files = session.files.map(({ place, ...file }, index) => ({
    ...file,
    isStored: place !== null,
    comesBackAs: digests[index],
  }));
  return { ...session, files };
}

async function digestOf(
  archive: Archive,
  manifest: Manifest,
  file: ManifestSession['files'][number],
): Promise<string | null> {
  const [pack] = manifest.packs;
  if (pack === undefined || file.place === null) return null;
  const hash = createHash('sha256');
  for await (const chunk of new PackReader(archive.objects, archive.codec, pack).read(file))
    hash.update(chunk);
  return `${placeName(file)} ${hash.digest('hex')}`;
}

const MAX_BYTES = 256 * 1024 * 1024;

/** Every object decoded, by key. A pack that no manifest knows cannot be, and throws. */
export async function decodedObjects(archive: Archive): Promise<Map<string, Buffer>> {
  const { objects, codec, instance } = archive;
  const decoded = new Map<string, Buffer>();
  const batches = await archive.batches();
  const manifests = await Promise.all(
    [...batches].flatMap(([batchId, revisions]) =>
      revisions.map((revision) => archive.manifestAt({ batchId, revision })),
    ),
  );
  const packs = new Map(manifests.flatMap(({ packs: all }) => all.map((pack) => [pack.key, pack])));
  for await (const { key } of objects.list(`${instance}/`)) {
    if (key.includes('/leases/')) {
      decoded.set(key, Buffer.from(await objects.get(key)));
      continue;
    }
    if (!key.includes('/packs/')) {
      decoded.set(key, Buffer.from(codec.decompress(await objects.get(key), MAX_BYTES)));
      continue;
    }
    const pack = packs.get(key);
    if (pack === undefined) throw new Error(`${key}: no manifest knows it`);
    const raw: Buffer[] = [];
    for await (const frame of new PackReader(objects, codec, pack).frames()) raw.push(Buffer.from(frame.raw));
    decoded.set(key, Buffer.concat(raw));
  }
  return decoded;
}

/** All objects, with what chance decides left out: the names of catalogue objects, and how lines are spread over them. */
export async function archiveState(archive: Archive): Promise<unknown> {
  const decoded = [...(await decodedObjects(archive))];
  const lines = decoded.flatMap(([key, bytes]) =>
    key.includes('/catalogue/') ? bytes.toString('utf8').split('\n').filter(Boolean) : [],
  );
  const others = decoded.flatMap(([key, bytes]) =>
    key.includes('/catalogue/') ? [] : [[key, createHash('sha256').update(bytes).digest('hex')]],
  );
  return { lines: [...new Set(lines)].sort(), others };
}
