import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { planRestore, restoreInPlace } from '../../src/restore/restore-in-place.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { FaultHome, threadRow } from '../support/faults.ts';
import { DAY_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'agent:main:slack:channel:c01';
const ID = uuid(1);

async function archivedHome() {
  const home = await FaultHome.empty(await temporaryFolder());
  await home.addSession(ID, 10 * DAY_MS, 700);
  await home.writeRows({ [KEY]: threadRow(ID, 10 * DAY_MS, {}) });
  await home.run();
  return { home, trimmed: await home.rows() };
}

/** As the command does it beside a gateway. */
async function restore(home: FaultHome, assertMayCommit = async () => {}): Promise<void> {
  const { sessionsDir, mediaDir, storePath, nowMs } = home;
  const archive = await home.archive();
  const manifest = await archive.manifest((await archive.batchIds())[0] ?? '');
  const [session] = manifest.sessions;
  if (session === undefined) throw new Error('nothing was archived');
  const sessions = new FileSessionStore(storePath, {
    live: { lookAgainMs: 10, settleMs: 2_000, patienceMs: 20_000 },
  });
  const target = { sessions, sessionsDir, mediaDir, assertMayCommit, hasPrompt: () => true };
  const options = { force: false, resume: false, nowMs };
  await restoreInPlace(archive, manifest, await planRestore(session, target, options), target, options);
}

async function untilBack(home: FaultHome): Promise<Row> {
  for (;;) {
    const row = (await home.rows())[KEY];
    if (row?.sessionId === ID) return row;
    await delay(2);
  }
}

async function write(home: FaultHome, rows: Record<string, Row>): Promise<void> {
  await writeFile(`${home.storePath}.writer`, JSON.stringify(rows, null, 2));
  await rename(`${home.storePath}.writer`, home.storePath);
}

test('a restored row that OpenClaw overwrites with the tombstone it had read is put back once more', async () => {
  const { home, trimmed } = await archivedHome();
  const restoring = restore(home);
  await untilBack(home);
  await delay(50);
  await write(home, trimmed);
  await restoring;
  expect((await home.rows())[KEY]?.sessionId).toBe(ID);
  expect((await readFile(join(home.sessionsDir, `${ID}.jsonl`))).length).toBe(700);
});

test('a message that comes at once continues the restored session, and nothing is done to its row', async () => {
  const { home } = await archivedHome();
  const restoring = restore(home);
  const used = { ...(await untilBack(home)), updatedAt: home.nowMs, status: 'done' };
  await delay(50);
  await write(home, { [KEY]: used });
  await restoring;
  expect((await home.rows())[KEY]).toEqual(used);
});

test('a row that is of another session by then is left, and the operator is told to run it again', async () => {
  const { home } = await archivedHome();
  const restoring = restore(home);
  await untilBack(home);
  await delay(50);
  const other = { [KEY]: { sessionId: 'another', updatedAt: home.nowMs } };
  const [outcome] = await Promise.allSettled([restoring, write(home, other)]);
  expect(outcome).toMatchObject({
    status: 'rejected',
    reason: { code: 'restore-conflict', retryable: true },
  });
  expect(await home.rows()).toEqual(other);
});

test('a restore that may not go on by the time its files are fetched changes nothing', async () => {
  const { home, trimmed } = await archivedHome();
  const names = await readdir(home.sessionsDir);
  await expect(restore(home, () => Promise.reject(new Error('the lock is gone')))).rejects.toThrow(
    'the lock',
  );
  expect(await readdir(home.sessionsDir)).toEqual(names);
  expect(await home.rows()).toEqual(trimmed);
});
