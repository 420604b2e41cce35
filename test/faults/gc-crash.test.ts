import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CatalogueRow } from '../../src/manifest/catalogue.ts';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import {
  archiveState,
  collect,
  copyOf,
  decodedObjects,
  GRACE_MS,
  mark,
  wholeSession,
} from '../support/collecting.ts';
import { Mortal, mortalObjects, type Side } from '../support/dying-calls.ts';
import { FaultHome, threadRow } from '../support/faults.ts';
import { DAY_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TOPIC = 'agent:main:slack:channel:c01:thread:1700000000.00010';
const ALONE = 'agent:main:slack:channel:c77';

interface Scene {
  readonly home: FaultHome;
  /** One of a batch of several, and one alone in its batch: both are due. */
  readonly forgotten: readonly string[];
  readonly staying: readonly CatalogueRow[];
  /** Names, keys and contents that must be nowhere in the end. */
  readonly erased: readonly string[];
}

/** Two runs, so two catalogue objects; then a week passes. */
async function scene(): Promise<Scene> {
  const home = await FaultHome.create(await temporaryFolder());
  await home.run();
  await home.addSession(uuid(90), 10 * DAY_MS, 700);
  await home.writeRows({ ...(await home.rows()), [ALONE]: threadRow(uuid(90), 10 * DAY_MS, {}) });
  home.nowMs += 60_000;
  await home.run();
  const archive = await home.archive();
  const rows = await archive.catalogue();
  const forgotten = [`${TOPIC}0`, ALONE].map(
    (key) => rows.find((row) => row.session_key === key)?.archive_id ?? '',
  );
  await mark(archive, 'forget', forgotten, home.nowMs);
  home.nowMs += GRACE_MS;
  return {
    home,
    forgotten,
    staying: rows.filter((row) => !forgotten.includes(row.archive_id)),
    erased: [`${TOPIC}0"`, ALONE, uuid(1), uuid(70), uuid(90)],
  };
}

/** What every stop must leave: whoever stays is listed, and comes back to the last byte. */
async function readStaying({ home, staying }: Scene): Promise<unknown[]> {
  const archive = await home.archive();
  const listed = (await archive.catalogue()).map((row) => row.archive_id);
  return Promise.all(
    staying.map(async ({ archive_id: id }) => [listed.includes(id), await wholeSession(archive, id)]),
  );
}

async function erasedIn({ home, erased }: Scene): Promise<string[]> {
  const decoded = await decodedObjects(await home.archive());
  return [...decoded].flatMap(([key, bytes]) =>
    erased.filter((text) => bytes.includes(text)).map((text) => `${text} in ${key}`),
  );
}

async function collectOn(home: FaultHome, objects?: ObjectStore) {
  return collect(await home.archive(objects), home.nowMs);
}

async function elsewhere(original: Scene, forgottenFiles?: string): Promise<Scene> {
  const home = await copyOf(original.home, join(await temporaryFolder(), forgottenFiles ?? 'home'));
  return { ...original, home };
}

describe('a collection that dies at any call of the object store', () => {
  test.each<Side>(['before', 'after'])(
    'loses nothing of what stays, and is finished by the next one (%s it)',
    { timeout: 180_000 },
    async (side) => {
      const original = await scene();
      expect((await erasedIn(original)).length).toBeGreaterThan(5);
      const before = await readStaying(original);
      const undisturbed = await elsewhere(original);
      const counter = new Mortal();
      const tally = await collectOn(undisturbed.home, mortalObjects(undisturbed.home.directory(), counter));
      expect([...tally.deleted].sort()).toEqual([...original.forgotten].sort());
      expect(tally).toMatchObject({
        kept: [],
        problems: [],
        counts: { batchesDeleted: 1, batchesRewritten: 1 },
      });
      expect(await readStaying(undisturbed)).toEqual(before);
      expect(await erasedIn(undisturbed)).toEqual([]);
      const expected = await archiveState(await undisturbed.home.archive());
      expect(counter.calls).toBeGreaterThan(40);

      for (let dieAt = 1; dieAt <= counter.calls; dieAt += 1) {
        const label = `${side} call ${dieAt}`;
        const one = await elsewhere(original);
        const mortal = new Mortal(dieAt, side);
        await collectOn(one.home, mortalObjects(one.home.directory(), mortal)).catch(() => undefined);
        expect(mortal.isDead, label).toBe(true);
        expect(await readStaying(one), `after dying ${label}`).toEqual(before);
        const again = await collectOn(one.home);
        expect([again.kept, again.problems], label).toEqual([[], []]);
        expect(await readStaying(one), `after recovering from ${label}`).toEqual(before);
        expect(await erasedIn(one), label).toEqual([]);
        expect(await archiveState(await one.home.archive()), label).toEqual(expected);
        const objects = await one.home.objectNames();
        const third = await collectOn(one.home);
        expect(third.counts, label).toMatchObject({ objectsWritten: 0, objectsDeleted: 0 });
        expect(await one.home.objectNames(), label).toEqual(objects);
        await rm(one.home.root, { recursive: true });
      }
    },
  );
});
