import { readdir } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { LeaseLog } from '../../src/leases/lease-log.ts';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { FaultHome, INSTANCE, threadRow } from '../support/faults.ts';
import { recordOf } from '../support/leases.ts';
import { DAY_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// Another run has taken the lease over, whatever it was that kept ours from renewing it: from then on nothing is changed.

const KEY = 'agent:main:slack:channel:c01';
const ID = uuid(1);
const FILES = [`${ID}.jsonl`, `${ID}.trajectory-path.json`, `${ID}.trajectory.jsonl`];

let home: FaultHome;

beforeEach(async () => {
  home = await FaultHome.empty(await temporaryFolder());
  await home.addSession(ID, 10 * DAY_MS, 700);
  await home.writeRows({ [KEY]: threadRow(ID, 10 * DAY_MS, {}) });
});

async function takeOver(objects: ObjectStore): Promise<void> {
  const log = new LeaseLog(objects, INSTANCE, 'main');
  await log.append(((await log.newest())?.number ?? 0) + 1, recordOf());
}

/** An archive in which the lease is taken over right after an object of this kind was stored. */
function takenAfter(kind: string): ObjectStore {
  const objects = home.directory();
  const put = objects.put.bind(objects);
  objects.put = async (key, ...rest) => {
    const stored = await put(key, ...rest);
    if (key.includes(`/${kind}/`)) await takeOver(home.directory());
    return stored;
  };
  return objects;
}

const names = async () => (await readdir(home.sessionsDir)).filter((name) => name !== 'sessions.json').sort();

describe('a lease that is taken over', () => {
  test('after the manifest keeps rows and files as they are, and the batch unfinished', async () => {
    const before = await home.rows();
    const tally = await home.run({ objects: takenAfter('manifests') });
    expect(tally.failures).toMatchObject([{ error: { code: 'lease-lost' } }]);
    expect(await home.rows()).toEqual(before);
    expect(await names()).toEqual(FILES);
    expect(await (await home.archive()).uncataloguedBatchIds()).toHaveLength(1);
  });

  test('while files wait gives them their places back', async () => {
    const live = { lookAgainMs: 0, settleMs: 300, patienceMs: 5_000 };
    const sessions = new FileSessionStore(home.storePath, { live });
    const commit = sessions.commit.bind(sessions);
    sessions.commit = async (changes) => {
      const outcomes = await commit(changes);
      await takeOver(home.directory());
      return outcomes;
    };
    const tally = await home.run({ sessions });
    expect(tally.failures).toMatchObject([{ error: { code: 'lease-lost' } }]);
    expect(await names()).toEqual(expect.arrayContaining(FILES));
    expect(await (await home.archive()).uncataloguedBatchIds()).toHaveLength(1);
  });

  test('after the last file was freed leaves the catalogue to whoever has it now', async () => {
    const sessions = new FileSessionStore(home.storePath);
    const commit = sessions.commit.bind(sessions);
    sessions.commit = async (changes) => {
      const outcomes = await commit(changes);
      await takeOver(home.directory());
      return outcomes;
    };
    const tally = await home.run({ sessions });
    expect(tally.problems).toMatchObject([{ error: { code: 'lease-lost' } }]);
    expect(await (await home.archive()).uncataloguedBatchIds()).toHaveLength(1);
    expect(await home.lostFiles()).toEqual([]);
  });

  test('before a tombstone is removed leaves it', async () => {
    await home.run();
    home.nowMs += 31 * DAY_MS;
    home.policy = { ...home.policy, protectedRemoveAfterMs: 30 * DAY_MS };
    const before = await home.rows();
    const objects = home.directory();
    const stat = objects.stat.bind(objects);
    objects.stat = async (...args) => {
      // Its pack was just found to be whole.
      const found = await stat(...args);
      await takeOver(home.directory());
      return found;
    };
    const tally = await home.run({ objects });
    expect(tally.problems).toMatchObject([
      { what: 'tombstones of store main', error: { code: 'lease-lost' } },
    ]);
    expect(await home.rows()).toEqual(before);
  });
});
