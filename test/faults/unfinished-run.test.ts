import { execFileSync } from 'node:child_process';
import { access, appendFile, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import { planRestore, restoreInPlace } from '../../src/restore/restore-in-place.ts';
import { selectArchived } from '../../src/restore/select.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { tombstoneMark } from '../../src/sessions/row.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { FaultHome, threadRow } from '../support/faults.ts';
import { DAY_MS, NOW_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'agent:main:slack:channel:c01';
const TRANSCRIPT = `${uuid(1)}.jsonl`;

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function oneThread(): Promise<FaultHome> {
  const home = await FaultHome.empty(await temporaryFolder());
  await home.addSession(uuid(1), 10 * DAY_MS, 500);
  await home.writeRows({ [KEY]: threadRow(uuid(1), 10 * DAY_MS, {}) });
  return home;
}

/** The manifest is durable, the store as it was: the run died in between. */
async function dieBeforeCommit(home: FaultHome): Promise<void> {
  const sessions = new FileSessionStore(home.storePath);
  const read = () => sessions.read();
  const commit = () => Promise.reject(new Error('died'));
  await home.run({ sessions: { kind: 'file', settleMs: 0, path: sessions.path, read, commit } });
  expect(await (await home.archive()).uncataloguedBatchIds()).toHaveLength(1);
}

/** Everything is done but the catalogue. */
async function dieBeforeCatalogue(home: FaultHome): Promise<void> {
  const objects: ObjectStore = home.directory();
  const put = objects.put.bind(objects);
  objects.put = (key, ...rest) =>
    key.includes('/catalogue/') ? Promise.reject(new Error('died')) : put(key, ...rest);
  await home.run({ objects });
}

async function touchRow(home: FaultHome, fields: Row): Promise<string> {
  const rows = await home.rows();
  await home.writeRows({ ...rows, [KEY]: { ...rows[KEY], ...fields } });
  return join(home.sessionsDir, String(rows[KEY]?.sessionFile));
}

describe('a run that finishes what another began', () => {
  test('leaves a transcript that has grown since, and archives it anew', async () => {
    const home = await oneThread();
    await dieBeforeCommit(home);
    const path = join(home.sessionsDir, TRANSCRIPT);
    await appendFile(path, 'more\n');
    await utimes(path, NOW_MS / 1000, NOW_MS / 1000);
    home.nowMs += 20 * DAY_MS;
    const grown = await readFile(path);
    await home.run();
    const archive = await home.archive();
    const archiveId = tombstoneMark((await home.rows())[KEY] ?? {})?.archiveId ?? '';
    const manifest = await archive.manifest(archiveId.split('.')[0] ?? '');
    const session = manifest.sessions.find((one) => one.archiveId === archiveId);
    expect(session?.files.find(({ name }) => name === TRANSCRIPT)?.size).toBe(grown.length);
  });

  test('keeps model-run files whose bytes were not kept, where the settings now keep them', async () => {
    const home = await FaultHome.empty(await temporaryFolder());
    const id = `model-run-${uuid(16)}`;
    await home.addSession(id, 2 * DAY_MS, 300);
    const row = { sessionId: id, updatedAt: NOW_MS - 2 * DAY_MS, status: 'done' };
    await home.writeRows({ [`agent:main:explicit:${id}`]: row });
    home.keepModelRunFiles = false;
    await dieBeforeCommit(home);
    home.keepModelRunFiles = true;
    await home.run();
    expect(await home.lostFiles()).toEqual([]);
  });

  test('takes nothing for archived if the pack of then is damaged by now, and archives it anew', async () => {
    const home = await oneThread();
    await dieBeforeCommit(home);
    const damaged = await (await home.archive()).uncataloguedBatchIds();
    const pack = (await home.objectNames()).find((name) => name.includes('/packs/')) ?? '';
    const bytes = await readFile(pack);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    await writeFile(pack, bytes);
    home.nowMs += 1000;
    const tally = await home.run();
    expect(tally.problems.map(({ what }) => what)).toEqual([`batch ${damaged[0]} of an earlier run`]);
    expect(tally.counts).toMatchObject({ recoveredSessions: 0, protectedRowsTrimmed: 1, filesReclaimed: 3 });
    const whole = (await (await home.archive()).batchIds()).filter((id) => !damaged.includes(id));
    expect(await home.lostFiles(whole)).toEqual([]);
  });

  test('leaves files of a row that is trimmed already while somebody holds the lock of their transcript', async () => {
    const home = await oneThread();
    const transcript = await readFile(join(home.sessionsDir, TRANSCRIPT));
    await dieBeforeCatalogue(home);
    await writeFile(join(home.sessionsDir, TRANSCRIPT), transcript);
    await writeFile(join(home.sessionsDir, `${TRANSCRIPT}.lock`), '{"pid":1}');
    const tally = await home.runLive();
    expect(tally.leftAlone).toMatchObject([{ sessionKey: KEY, why: 'now-active' }]);
    expect(await isThere(join(home.sessionsDir, TRANSCRIPT))).toBe(true);
    await rm(join(home.sessionsDir, `${TRANSCRIPT}.lock`));
  });

  test('keeps the stub of a conversation that was touched in between', async () => {
    const home = await oneThread();
    await dieBeforeCatalogue(home);
    const stub = await touchRow(home, { updatedAt: NOW_MS + 5 });
    await home.run();
    expect(await isThere(stub)).toBe(true);
  });

  test('keeps files that a restore had put back before it died', async () => {
    const home = await oneThread();
    const bytes = await readFile(join(home.sessionsDir, TRANSCRIPT));
    await dieBeforeCatalogue(home);
    await writeFile(join(home.sessionsDir, TRANSCRIPT), bytes);
    home.restoredAtMs.set(uuid(1), NOW_MS);
    await home.run();
    expect(await isThere(join(home.sessionsDir, TRANSCRIPT))).toBe(true);
  });
});

describe('a conversation that goes on', () => {
  test('keeps its stub when the old files are restored beside it', async () => {
    const home = await oneThread();
    await home.run();
    const stub = await touchRow(home, { updatedAt: NOW_MS + 5 });
    const archive = await home.archive();
    const [manifest] = await archive.manifests(await archive.batchIds());
    const [session] = manifest?.sessions ?? [];
    if (manifest === undefined || session === undefined) throw new Error('nothing was archived');
    const { sessionsDir, mediaDir, storePath, nowMs } = home;
    const sessions = new FileSessionStore(storePath);
    const target = {
      sessions,
      sessionsDir,
      mediaDir,
      assertMayCommit: async () => {},
      hasPrompt: () => true,
    };
    const options = { force: false, resume: false, nowMs };
    await restoreInPlace(archive, manifest, await planRestore(session, target, options), target, options);
    expect(await isThere(stub)).toBe(true);
  });

  test('is found with its transcript although a gateway wrote the old row back after it was archived', async () => {
    const home = await oneThread();
    const before = await home.rows();
    await home.run();
    await home.writeRows(before);
    home.nowMs += 1000;
    await home.run();
    expect(selectArchived(await (await home.archive()).catalogue({ onDamage: () => {} }), KEY).files).toBe(3);
  });
});

describe('a catalogue object that is damaged', () => {
  test('keeps no run from archiving and no session from being found: the manifests tell', async () => {
    const home = await FaultHome.create(await temporaryFolder());
    await home.run();
    const name = (await home.objectNames()).find((one) => one.includes('/catalogue/')) ?? '';
    const bytes = await readFile(name);
    bytes[bytes.length - 8] = (bytes.at(-8) ?? 0) ^ 1;
    await writeFile(name, bytes);
    await rm(join(home.root, 'cache'), { recursive: true, force: true });
    await home.addFile(`${uuid(99)}.jsonl`, 30 * DAY_MS, 50);
    const tally = await home.run();
    expect(tally.counts.orphanSessionsArchived).toBeGreaterThan(0);
    expect((await (await home.archive()).catalogue({ onDamage: () => {} })).length).toBeGreaterThan(5);
  });
});

describe('a file from before 1970', () => {
  test('is archived like any other', async () => {
    const home = await oneThread();
    // Node turns a negative moment into the present one.
    execFileSync('touch', ['-d', '1969-06-01', join(home.sessionsDir, TRANSCRIPT)]);
    const tally = await home.run();
    expect(tally.failures).toEqual([]);
    expect(await isThere(join(home.sessionsDir, TRANSCRIPT))).toBe(false);
    expect(await home.lostFiles()).toEqual([]);
  });
});
