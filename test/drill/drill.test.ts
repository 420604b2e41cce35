import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { drillArchive } from '../../src/drill/drill.ts';
import { manifestKey } from '../../src/manifest/keys.ts';
import { encodeManifest, type Manifest } from '../../src/manifest/manifest.ts';
import { FaultHome, threadRow } from '../support/faults.ts';
import { seededRandom } from '../support/random.ts';
import { DAY_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Two archived threads; the first one's manifest entry says something else than a run would have written. */
async function drillOfForged(forge: (session: Manifest['sessions'][number]) => void) {
  const home = await FaultHome.empty(await temporaryFolder());
  for (const n of [1, 2]) await home.addSession(uuid(n), 10 * DAY_MS, 500);
  await home.writeRows({
    'agent:main:slack:channel:c01': threadRow(uuid(1), 10 * DAY_MS, {}),
    'agent:main:slack:channel:c02': threadRow(uuid(2), 10 * DAY_MS, {}),
  });
  await home.run();
  const archive = await home.archive();
  const [batchId = ''] = await archive.batchIds();
  const manifest = structuredClone(await archive.manifest(batchId));
  const [first] = manifest.sessions;
  if (first === undefined) throw new Error('nothing was archived');
  forge(first);
  const path = join(home.archiveDir, manifestKey(archive.instance, batchId));
  expect((await readFile(path)).length).toBeGreaterThan(0);
  await writeFile(path, archive.codec.compress(encodeManifest(manifest), 3));
  const options = { sample: 5, random: seededRandom(1) };
  const { sessions } = await drillArchive(archive, options, new AbortController().signal);
  return sessions.flatMap(({ archiveId, differences }) =>
    differences.map(({ what, text }) => ({ index: archiveId.split('.')[1], what, text })),
  );
}

// What the files of this home say is no JSON: lines are looked at elsewhere.
it('a manifest as a run wrote it has no differences', async () => {
  expect((await drillOfForged(() => {})).filter(({ what }) => what !== 'header' && what !== 'line')).toEqual(
    [],
  );
});

it('a session with two files of one name cannot be restored, and the next one is tried all the same', async () => {
  const differences = await drillOfForged(({ files }) => files.push(...structuredClone(files)));
  expect(differences.filter(({ what }) => what === 'restore')).toEqual([
    { index: '0', what: 'restore', text: 'one of its files cannot be written as it is described: EEXIST' },
  ]);
});

it('a row that is not the one that was hashed keeps its manifest from being read', async () => {
  const differences = await drillOfForged(({ row }) => Object.assign(row ?? {}, { sessionId: 'another' }));
  expect(differences.map(({ what }) => what)).toEqual(['restore', 'restore']);
  expect(differences[0]?.text).toContain('the row is not the one that was hashed');
});
