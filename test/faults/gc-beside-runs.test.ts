import { copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DirectoryObjectStore } from '../../src/objects/directory.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { tombstoneMark } from '../../src/sessions/row.ts';
import { collect, copyOf, GRACE_MS, mark, wholeSession } from '../support/collecting.ts';
import { Mortal, mortalObjects } from '../support/dying-calls.ts';
import { FaultHome } from '../support/faults.ts';
import { DAY_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RESTORED = 'agent:main:slack:channel:c01:thread:1700000000.000102';
const GONE = 'agent:main:slack:channel:c01:thread:1700000000.000101';

const collectOn = async (
  home: FaultHome,
  objects = home.directory() as Parameters<FaultHome['archive']>[0],
) => collect(await home.archive(objects), home.nowMs);

async function archiveIdOf(home: FaultHome, key: string): Promise<string> {
  const rows = await (await home.archive()).catalogue();
  return rows.findLast((row) => row.session_key === key)?.archive_id ?? '';
}

/** Files of a session by name, out of a copy that was made before the run. */
async function putBack(from: FaultHome, to: FaultHome, base: string): Promise<void> {
  await mkdir(to.sessionsDir, { recursive: true });
  for (const name of await readdir(from.sessionsDir)) {
    if (!name.startsWith(base)) continue;
    await copyFile(join(from.sessionsDir, name), join(to.sessionsDir, name));
    await to.age(name, 20 * 86_400_000);
  }
}

/**
 * Two forgotten conversations of one batch. One of them has come back to the store meanwhile, as a restore leaves it: row
 * and files lie here, byte for byte those that the archive is about to lose.
 */
async function restoredAndForgotten(): Promise<{ home: FaultHome; gone: string }> {
  const home = await FaultHome.create(await temporaryFolder());
  const before = await copyOf(home, join(await temporaryFolder(), 'before'));
  const rows = await home.rows();
  await home.run();
  const gone = await archiveIdOf(home, GONE);
  await mark(await home.archive(), 'forget', [gone, await archiveIdOf(home, RESTORED)], home.nowMs);
  await home.writeRows({ ...(await home.rows()), [RESTORED]: rows[RESTORED] ?? {} });
  await putBack(before, home, String(rows[RESTORED]?.sessionId));
  home.nowMs += GRACE_MS;
  return { home, gone };
}

/** The archive of a home, of which somebody else does something once the first pack is read. */
function onFirstPackRead(home: FaultHome, then: () => Promise<void>): DirectoryObjectStore {
  const objects = home.directory();
  const get = objects.get.bind(objects);
  let isDone = false;
  objects.get = async (key, ...rest) => {
    if (key.includes('/packs/') && !isDone) {
      isDone = true;
      await then();
    }
    return get(key, ...rest);
  };
  return objects;
}

describe('a reclaim run that takes copies in the archive for proof', () => {
  test('leaves here what is forgotten while it reads them back', async () => {
    const { home } = await restoredAndForgotten();
    const archive = await home.archive();
    const copied = await archiveIdOf(home, RESTORED);
    await mark(archive, 'unforget', [copied], home.nowMs);
    const budget = { maxDiskBytes: 1, highWaterBytes: 1, protectedFloorMs: DAY_MS };
    const objects = onFirstPackRead(home, async () =>
      mark(await home.archive(), 'forget', [copied], home.nowMs),
    );
    await home.freeDisk(budget, { objects });
    home.nowMs += GRACE_MS;
    expect((await collectOn(home)).deleted).toContain(copied);
    const lost = await home.lostFiles();
    expect(lost.filter((name) => name.includes('1700000000.000102'))).toEqual([]);
  });
});

describe('archive runs between two halves of a collection', () => {
  test('lose no file of a conversation that is forgotten in the archive and alive in the store', {
    timeout: 180_000,
  }, async () => {
    const original = await restoredAndForgotten();
    const counter = new Mortal();
    const first = await copyOf(original.home, join(await temporaryFolder(), 'home'));
    await collectOn(first, mortalObjects(first.directory(), counter));
    for (let dieAt = 1; dieAt <= counter.calls; dieAt += 1) {
      const home = await copyOf(original.home, join(await temporaryFolder(), 'home'));
      await collectOn(home, mortalObjects(home.directory(), new Mortal(dieAt, 'after'))).catch(
        () => undefined,
      );
      const tally = await home.run();
      expect([tally.failures, tally.problems], `run after call ${dieAt}`).toEqual([[], []]);
      const again = await collectOn(home);
      expect([again.kept, again.problems], `gc after call ${dieAt}`).toEqual([[], []]);
      // It was archived anew by then, and that generation nobody has forgotten.
      expect(
        tombstoneMark((await home.rows())[RESTORED] ?? {}),
        `tombstone after call ${dieAt}`,
      ).toBeDefined();
      const lost = await home.lostFiles();
      expect(
        lost.filter((name) => !name.includes('1700000000.000101') && !name.startsWith('media/')),
      ).toEqual([]);
      expect(lost.length, `of the one that is to be lost, after call ${dieAt}`).toBeGreaterThan(0);
      await rm(home.root, { recursive: true });
    }
  });
});

describe('a store that has come to the archive since gc took its leases', () => {
  test('keeps what it has: a run of its own may be at work there', async () => {
    const home = await FaultHome.create(await temporaryFolder());
    await home.run();
    const gone = await archiveIdOf(home, GONE);
    await mark(await home.archive(), 'forget', [gone], home.nowMs);
    home.nowMs += GRACE_MS;
    const objects = await home.objectNames();
    const archive = await home.archive();
    const tally = await collect(archive, home.nowMs, { storeIds: new Set(['other']) });
    expect(tally).toMatchObject({ deleted: [], problems: [], counts: { objectsDeleted: 0 } });
    expect(tally.kept).toEqual([{ archiveId: gone, why: 'store-not-held' }]);
    expect(await home.objectNames()).toEqual(objects);
    expect((await collectOn(home)).deleted).toEqual([gone]);
  });
});

describe('a run beside a collection that deletes the last of a batch', () => {
  test('has no problem with it: what is gone by the time that it is read was empty', async () => {
    const home = await FaultHome.create(await temporaryFolder());
    await home.run();
    const archived = (await (await home.archive()).catalogue()).map((row) => row.archive_id);
    await mark(await home.archive(), 'forget', archived, home.nowMs);
    home.nowMs += GRACE_MS;
    const dying = home.directory();
    dying.delete = (key) =>
      key.endsWith('.r1.json.zst') ? Promise.reject(new Error('died')) : home.directory().delete(key);
    await expect(collectOn(home, dying)).rejects.toThrow('died');
    const archive = await home.archive();
    const emptied = await archive.batchIds();
    expect(emptied).toHaveLength(1);
    expect(await archive.uncataloguedBatchIds()).toEqual(emptied);

    const objects = home.directory();
    let isRead = false;
    objects.get = async (key, ...rest) => {
      if (key.endsWith('.r1.json.zst') && !isRead) {
        isRead = true;
        await collectOn(home);
      }
      return home.directory().get(key, ...rest);
    };
    expect(await home.run({ objects })).toMatchObject({ problems: [], failures: [] });
    expect(isRead).toBe(true);
    expect(await archive.batchIds()).not.toContain(emptied[0]);
  });
});

describe('a run that died before it could catalogue its batch', () => {
  async function unfinished(): Promise<FaultHome> {
    const home = await FaultHome.create(await temporaryFolder());
    const sessions = new FileSessionStore(home.storePath);
    const read = () => sessions.read();
    const commit = () => Promise.reject(new Error('died'));
    await home.run({ sessions: { kind: 'file', settleMs: 0, path: sessions.path, read, commit } });
    await mark(await home.archive(), 'forget', [await archiveIdOf(home, GONE)], home.nowMs);
    home.nowMs += GRACE_MS;
    return home;
  }

  test('keeps its batch: a later run may take it for the copy of files that it removes', async () => {
    const home = await unfinished();
    const objects = await home.objectNames();
    const tally = await collectOn(home);
    expect(tally.kept).toEqual([{ archiveId: await archiveIdOf(home, GONE), why: 'unfinished-run' }]);
    expect(tally).toMatchObject({ deleted: [], counts: { objectsDeleted: 0, objectsWritten: 0 } });
    expect(await home.objectNames()).toEqual(objects);
  });

  test('is finished by the next run, which archives anew what was forgotten before it removes it', async () => {
    const home = await unfinished();
    const old = await archiveIdOf(home, GONE);
    await home.run();
    const anew = await archiveIdOf(home, GONE);
    expect(anew).not.toBe(old);
    expect((await collectOn(home)).deleted).toEqual([old]);
    expect(await home.lostFiles()).toEqual([]);
    expect(await wholeSession(await home.archive(), anew)).toMatchObject({ sessionKey: GONE });
  });

  test('keeps the files of what is forgotten while the run reads the packs back: that may take an hour', async () => {
    const home = await FaultHome.create(await temporaryFolder());
    const sessions = new FileSessionStore(home.storePath);
    const read = () => sessions.read();
    const commit = () => Promise.reject(new Error('died'));
    await home.run({ sessions: { kind: 'file', settleMs: 0, path: sessions.path, read, commit } });
    const old = await archiveIdOf(home, GONE);
    const objects = onFirstPackRead(home, async () =>
      mark(await home.archive(), 'forget', [old], home.nowMs),
    );
    expect(await home.run({ objects })).toMatchObject({ problems: [], failures: [] });
    home.nowMs += GRACE_MS;
    expect((await collectOn(home)).deleted).toEqual([old]);
    expect(await home.lostFiles()).toEqual([]);
    expect(await archiveIdOf(home, GONE)).not.toBe(old);
  });

  test('leaves what it cannot judge: a mark that cannot be read keeps earlier runs unfinished, and says so', async () => {
    const home = await unfinished();
    await home.directory().put('oc-faults/marks/20261121t093000z-00000000.json.zst', Buffer.from('<html>'));
    const tally = await home.run();
    expect(tally.problems).toMatchObject([{ error: { code: 'mark-unreadable' } }]);
    expect(await home.lostFiles()).toEqual([]);
    await expect(collectOn(home)).rejects.toMatchObject({ code: 'mark-unreadable' });
  });
});
