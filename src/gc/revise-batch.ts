import { join } from 'node:path';
import { putManifest } from '../archive/put-manifest.ts';
import { placeName } from '../manifest/file-place.ts';
import { packKey } from '../manifest/keys.ts';
import type { Manifest, ManifestFile, ManifestSession } from '../manifest/manifest.ts';
import type { GcContext } from './gc-context.ts';
import { rewritePack } from './rewrite-pack.ts';

/**
 * Writes the next revision of a batch: the same without the sessions that go. First a pack of what stays, proven; then
 * the manifest, which makes it the batch. Nothing is deleted here, and archive ids, rows and files stay what they were.
 * Where no session stays, the manifest holds none: it says that everything below it may go.
 */
export async function reviseBatch(
  context: GcContext,
  manifest: Manifest,
  gone: ReadonlySet<string>,
): Promise<Manifest> {
  const { archive, level, tally } = context;
  const revision = (manifest.revision ?? 0) + 1;
  const staying = manifest.sessions.filter(({ archiveId }) => !gone.has(archiveId));
  const { packs, sessions } = await moveFiles(context, manifest, staying, revision);
  const revised: Manifest = { ...manifest, revision, verified: 'content', packs, sessions };
  await putManifest(archive, revised, level, context.assertMayDelete);
  tally.counts.objectsWritten += 1 + packs.length;
  tally.counts.freedBytes -= packs.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  return revised;
}

async function moveFiles(
  { archive, level, signal }: GcContext,
  { instance, batchId, packs }: Manifest,
  staying: readonly ManifestSession[],
  revision: number,
): Promise<Pick<Manifest, 'packs' | 'sessions'>> {
  const files = staying.flatMap(({ agentId, files: all }) =>
    all.flatMap((file) => (file.place === null ? [] : [{ file, path: join(agentId, placeName(file)) }])),
  );
  const [from] = packs;
  if (from === undefined || files.length === 0) return { packs: [], sessions: [...staying] };
  const key = packKey(instance, batchId, revision);
  const { pack, places } = await rewritePack(archive, { from, key, files, level }, signal);
  const moved = (file: ManifestFile): ManifestFile => ({ ...file, place: places.get(file) ?? null });
  const sessions = staying.map((session) => ({ ...session, files: session.files.map(moved) }));
  return { packs: [pack], sessions };
}
