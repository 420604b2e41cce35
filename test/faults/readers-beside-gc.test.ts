import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Archive } from '../../src/archive/archive.ts';
import { drillArchive } from '../../src/drill/drill.ts';
import { searchTranscripts } from '../../src/forget/search-transcripts.ts';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import { readArchivedFile } from '../../src/restore/fetch-files.ts';
import { openSession } from '../../src/restore/open-session.ts';
import { keptFiles, restoreToFolder } from '../../src/restore/restore-to-folder.ts';
import type { Shipper } from '../../src/ship/shipper.ts';
import { verifyArchive } from '../../src/verify/verify-archive.ts';
import { verifyContent } from '../../src/verify/verify-pack.ts';
import { readTree } from '../stories/support/tree.ts';
import { collect, copyOf, GRACE_MS, mark } from '../support/collecting.ts';
import { FaultHome, threadRow } from '../support/faults.ts';
import { DAY_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const THREAD = 'agent:main:slack:channel:c01:thread:1700000000.00010';
const GONE = `${THREAD}1`;
const STAYS = `${THREAD}0`;

/** Two batches: of the first one session is due, and the others go on in another revision; of the second nothing stays. */
async function twoBatches(): Promise<FaultHome> {
  const home = await FaultHome.create(await temporaryFolder());
  await home.run();
  home.nowMs += DAY_MS;
  const late = 'agent:main:slack:channel:c09';
  await home.addSession(uuid(90), 10 * DAY_MS, 500);
  await home.writeRows({ ...(await home.rows()), [late]: threadRow(uuid(90), 10 * DAY_MS, {}) });
  await home.run();
  const archive = await home.archive();
  const rows = await archive.catalogue();
  expect(new Set(rows.map((row) => row.batch_id)).size).toBe(2);
  const second = rows.at(-1)?.batch_id;
  const due = rows.filter((row) => row.session_key === GONE || row.batch_id === second);
  await mark(
    archive,
    'forget',
    due.map((row) => row.archive_id),
    home.nowMs,
  );
  home.nowMs += GRACE_MS;
  return home;
}

/** The archive of a home, in which a whole collection comes in right before one of the calls that read. */
class Disturbed {
  calls = 0;
  readonly objects: ObjectStore;

  constructor(home: FaultHome, at: number) {
    const objects = home.directory();
    const before = async () => {
      this.calls += 1;
      if (this.calls !== at) return;
      const { deleted, problems } = await collect(await home.archive(), home.nowMs);
      expect([deleted.length > 1, problems]).toEqual([true, []]);
    };
    const [get, stat, list] = [
      objects.get.bind(objects),
      objects.stat.bind(objects),
      objects.list.bind(objects),
    ];
    objects.get = (...args) => before().then(() => get(...args));
    objects.stat = (...args) => before().then(() => stat(...args));
    objects.list = async function* (...args) {
      await before();
      yield* list(...args);
    };
    this.objects = objects;
  }
}

/** What a reader finds, wherever in its work a collection comes in; the call before which it came, by answer. */
async function besideGc<T>(read: (archive: Archive, home: FaultHome) => Promise<T>) {
  const original = await twoBatches();
  const undisturbedHome = await copyOf(original, join(await temporaryFolder(), 'home'));
  const quiet = new Disturbed(undisturbedHome, 0);
  const undisturbed = await read(await undisturbedHome.archive(quiet.objects), undisturbedHome);
  const answers: { readonly at: number; readonly answer: unknown }[] = [];
  for (let at = 1; at <= quiet.calls; at += 1) {
    const home = await copyOf(original, join(await temporaryFolder(), 'home'));
    const disturbed = new Disturbed(home, at);
    const reading = read(await home.archive(disturbed.objects), home);
    answers.push({ at, answer: await reading.catch((error: unknown) => String(error)) });
    expect(disturbed.calls, `calls, with gc before call ${at}`).toBeGreaterThanOrEqual(at);
    await rm(home.root, { recursive: true });
  }
  expect(answers.length).toBeGreaterThan(3);
  return { undisturbed, answers };
}

function inProcess({ objects, codec }: Archive): Shipper {
  return {
    ship: () => Promise.reject(new Error('unused')),
    verify: (pack, files) => verifyContent(objects, codec, pack, files),
    close: async () => {},
  };
}

describe('beside a collection, at whatever moment it comes in', { timeout: 120_000 }, () => {
  for (const readPercent of [0, 100]) {
    test(`verify of ${readPercent} % finds nothing wrong`, async () => {
      const { answers } = await besideGc(async (archive) => {
        const options = { readPercent, random: () => 0.5 };
        const result = await verifyArchive(archive, inProcess(archive), options);
        const { differences, strayPacks, unsettled, uncatalogued } = result;
        return [...differences, ...strayPacks, ...unsettled, ...uncatalogued];
      });
      expect(answers).toEqual(answers.map(({ at }) => ({ at, answer: [] })));
    });
  }

  test('a drill proves all that is not forgotten', async () => {
    const { undisturbed, answers } = await besideGc(async (archive) => {
      const { signal } = new AbortController();
      const { damaged, sessions } = await drillArchive(archive, { sample: 100, random: () => 0 }, signal);
      return { damaged, sessions };
    });
    // What the files of this home say is no JSON.
    const failed = undisturbed.sessions.filter(({ differences }) =>
      differences.some(({ what }) => what === 'restore'),
    );
    expect([failed, undisturbed.damaged]).toEqual([[], []]);
    expect(answers).toEqual(answers.map(({ at }) => ({ at, answer: undisturbed })));
  });

  test('a restore to a folder brings every file back', async () => {
    const { undisturbed, answers } = await besideGc(async (archive, home) => {
      const opened = await openSession(archive, STAYS, undefined);
      const folder = join(home.root, 'restored');
      await restoreToFolder(archive, opened, folder);
      return await readTree(folder);
    });
    expect(Object.keys(undisturbed).length).toBeGreaterThan(3);
    expect(answers).toEqual(answers.map(({ at }) => ({ at, answer: undisturbed })));
  });

  test('cat reads each file to its end', async () => {
    const { undisturbed, answers } = await besideGc(async (archive) => {
      const { manifest, session } = await openSession(archive, STAYS, undefined);
      const digests: string[] = [];
      for (const file of keptFiles(session)) {
        const hash = createHash('sha256');
        for await (const chunk of readArchivedFile(archive, manifest, file)) hash.update(chunk);
        digests.push(hash.digest('hex'));
      }
      return digests;
    });
    expect(answers).toEqual(answers.map(({ at }) => ({ at, answer: undisturbed })));
  });

  test('a search through transcripts reads all of what stays', async () => {
    const { undisturbed, answers } = await besideGc(async (archive) => {
      const { manifest } = await openSession(archive, STAYS, undefined);
      const stay = manifest.sessions.filter(({ sessionKey }) => sessionKey !== GONE);
      const ids = new Set(stay.map(({ archiveId }) => archiveId));
      const damage: string[] = [];
      const onDamage = (what: string) => void damage.push(what);
      const total = { filesTotal: 0, bytesTotal: 0 };
      const sessions = new Map([[manifest.batchId, ids]]);
      const lines = await searchTranscripts(archive, sessions, 'topic', total, { onDamage });
      return { damage, lines: [...lines] };
    });
    expect(undisturbed).toMatchObject({ damage: [] });
    expect(undisturbed.lines.length).toBeGreaterThan(0);
    expect(answers).toEqual(answers.map(({ at }) => ({ at, answer: undisturbed })));
  });
});
