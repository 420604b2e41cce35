import { access, appendFile, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { type DiskCall, withDiskCalls } from '../support/disk-calls.ts';
import { FaultHome, threadRow } from '../support/faults.ts';
import { DAY_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Long enough for a writer in this process to get in between. */
const TIMES = { lookAgainMs: 30, settleMs: 2_000, patienceMs: 20_000 };
const KEY = 'agent:main:slack:channel:c01';
const OTHER = 'agent:main:slack:channel:c02';
const ID = uuid(1);
const FILES = [`${ID}.jsonl`, `${ID}.trajectory-path.json`, `${ID}.trajectory.jsonl`];

type Rows = Record<string, Row>;

let home: FaultHome;
let before: Rows;

beforeEach(async () => {
  home = await FaultHome.empty(await temporaryFolder());
  await home.addSession(ID, 10 * DAY_MS, 700);
  await home.addSession(uuid(2), 10 * DAY_MS, 700);
  before = { [KEY]: threadRow(ID, 10 * DAY_MS, {}), [OTHER]: threadRow(uuid(2), 10 * DAY_MS, {}) };
  await home.writeRows(before);
});

const run = (parts: { objects?: ObjectStore; signal?: AbortSignal } = {}) =>
  home.run({ sessions: new FileSessionStore(home.storePath, { live: TIMES }), ...parts });

/** As OpenClaw does it: whole, by a rename. */
async function write(rows: Rows): Promise<void> {
  await writeFile(`${home.storePath}.writer`, JSON.stringify(rows, null, 2));
  await rename(`${home.storePath}.writer`, home.storePath);
}

async function stagingFolder(): Promise<string | undefined> {
  return (await readdir(home.sessionsDir)).find((name) => name.startsWith('.clawback-staged-'));
}

/** The rows hold, and the files wait for the second look. */
async function untilStaged(): Promise<void> {
  const isThere = (name: string) =>
    access(join(home.sessionsDir, name)).then(
      () => true,
      () => false,
    );
  while ((await stagingFolder()) === undefined || (await isThere(`${uuid(2)}.trajectory-path.json`)))
    await delay(2);
}

const namesNow = async () =>
  (await readdir(home.sessionsDir)).filter((name) => name !== 'sessions.json').sort();
const stubOf = (rows: Rows, key: string) => String(rows[key]?.sessionFile);

describe('beside a live OpenClaw', () => {
  test('files go only after the time in which their row could come back', async () => {
    const running = run();
    await untilStaged();
    const folder = (await stagingFolder()) ?? '';
    const staged = await readdir(join(home.sessionsDir, folder));
    expect(staged).toEqual(expect.arrayContaining([...FILES, 'journal.json']));
    const journal = JSON.parse(await readFile(join(home.sessionsDir, folder, 'journal.json'), 'utf8'));
    expect(journal).toMatchObject({ schema: 'clawback.staged/1', sessions: [{}, {}] });
    const tally = await running;
    expect(tally.counts).toMatchObject({ protectedRowsTrimmed: 2, filesReclaimed: 6 });
    expect([tally.leftAlone, tally.failures, tally.problems, tally.filesLeft]).toEqual([[], [], [], []]);
    const rows = await home.rows();
    expect(await namesNow()).toEqual([stubOf(rows, KEY), stubOf(rows, OTHER)].sort());
  });

  test('a row that comes back as it was is archived for good in the second attempt', async () => {
    const running = run();
    await untilStaged();
    const trimmed = await home.rows();
    await write({ ...trimmed, [KEY]: before[KEY] as Row });
    const tally = await running;
    expect(tally.counts).toMatchObject({ protectedRowsTrimmed: 2, filesReclaimed: 6 });
    expect([tally.leftAlone, tally.failures]).toEqual([[], []]);
    expect(await home.rows()).toEqual(trimmed);
    expect(await namesNow()).toEqual([stubOf(trimmed, KEY), stubOf(trimmed, OTHER)].sort());
    expect(await (await home.archive()).uncataloguedBatchIds()).toEqual([]);
  });

  test('a conversation that is in use again gets its files back and is told of', async () => {
    const running = run();
    await untilStaged();
    const trimmed = await home.rows();
    const revived = { ...before[KEY], updatedAt: home.nowMs };
    await write({ ...trimmed, [KEY]: revived });
    const tally = await running;
    expect(tally.leftAlone).toEqual([{ sessionKey: KEY, sessionId: ID, why: 'revived' }]);
    expect(tally.counts.protectedRowsTrimmed).toBe(1);
    expect(await namesNow()).toEqual([...FILES, stubOf(trimmed, OTHER)].sort());
    expect((await home.rows())[KEY]).toEqual(revived);
    expect(await home.lostFiles()).toEqual([]);
  });

  test('one that went on under another session gets its files back too', async () => {
    const running = run();
    await untilStaged();
    const trimmed = await home.rows();
    const reset = { sessionId: uuid(7), updatedAt: home.nowMs, usageFamilySessionIds: [ID] };
    await write({ ...trimmed, [KEY]: reset });
    const tally = await running;
    expect(tally.leftAlone).toEqual([{ sessionKey: KEY, sessionId: ID, why: 'revived' }]);
    expect(await namesNow()).toEqual(expect.arrayContaining(FILES));
  });

  test('one whose files another row names by now gets them back', async () => {
    const running = run();
    await untilStaged();
    const taken = { sessionId: uuid(7), updatedAt: home.nowMs, sessionFile: `${ID}.jsonl` };
    await write({ ...(await home.rows()), 'agent:main:slack:channel:c09': taken });
    const tally = await running;
    expect(tally.leftAlone).toEqual([{ sessionKey: KEY, sessionId: ID, why: 'revived' }]);
    expect(await namesNow()).toEqual(expect.arrayContaining(FILES));
  });

  test('what was written to a file that waits is not lost when its row comes back as it was', async () => {
    const running = run();
    await untilStaged();
    const staged = join(home.sessionsDir, (await stagingFolder()) ?? '', `${ID}.jsonl`);
    const archived = await readFile(staged, 'utf8');
    await appendFile(staged, 'by a process that has it open');
    await write({ ...(await home.rows()), [KEY]: before[KEY] as Row });
    const tally = await running;
    expect(tally.leftAlone).toEqual([{ sessionKey: KEY, sessionId: ID, why: 'revived' }]);
    expect(await readFile(join(home.sessionsDir, `${ID}.jsonl`), 'utf8')).toBe(
      `${archived}by a process that has it open`,
    );
  });

  test('what was written to a file that waits is not lost when its row holds', async () => {
    const running = run();
    await untilStaged();
    await appendFile(join(home.sessionsDir, (await stagingFolder()) ?? '', `${ID}.jsonl`), 'more');
    await running;
    expect(await readFile(join(home.sessionsDir, `${ID}.jsonl`), 'utf8')).toMatch(/more$/);
  });

  test('files of long names with many signs that a URL would escape wait and go like all others', async () => {
    const name = `${uuid(3)}-topic-${'%24'.repeat(60)}.jsonl`;
    await home.addFile(name, 10 * DAY_MS, 700);
    const row = threadRow(uuid(3), 10 * DAY_MS, { sessionFile: name });
    await home.writeRows({ ...before, 'agent:main:matrix:channel:c03': row });
    const tally = await run();
    expect(tally.filesLeft).toEqual([]);
    expect(await namesNow()).not.toContain(name);
  });

  test('its files lie beside those that OpenClaw has begun meanwhile under the same names', async () => {
    const running = run();
    await untilStaged();
    await writeFile(join(home.sessionsDir, `${ID}.jsonl`), 'a fresh transcript');
    await write({ ...(await home.rows()), [KEY]: { ...before[KEY], updatedAt: home.nowMs } });
    await running;
    const names = await namesNow();
    expect(await readFile(join(home.sessionsDir, `${ID}.jsonl`), 'utf8')).toBe('a fresh transcript');
    const aside = names.find((name) => name.startsWith(`${ID}.jsonl.reset.`));
    expect(aside).toMatch(/\.jsonl\.reset\.\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/);
    expect(names).toEqual(expect.arrayContaining(FILES.slice(1)));
  });

  test('a session whose transcript somebody has locked between plan and commit is left alone', async () => {
    const objects = home.directory();
    const put = objects.put.bind(objects);
    objects.put = async (key, ...rest) => {
      if (key.includes('/manifests/'))
        await writeFile(join(home.sessionsDir, `${ID}.jsonl.lock`), '{"pid":1}');
      return put(key, ...rest);
    };
    const tally = await run({ objects });
    expect(tally.leftAlone).toEqual([{ sessionKey: KEY, sessionId: ID, why: 'now-active' }]);
    expect(await namesNow()).toEqual(expect.arrayContaining([...FILES, `${ID}.jsonl.lock`]));
    expect((await home.rows())[KEY]).toEqual(before[KEY]);
  });

  test('a run that is interrupted while files wait puts them back, and the next one finishes', async () => {
    const stop = new AbortController();
    const running = run({ signal: stop.signal });
    await untilStaged();
    stop.abort();
    await running;
    expect(await namesNow()).toEqual(expect.arrayContaining(FILES));
    expect(await stagingFolder()).toBeUndefined();
    const tally = await run();
    expect(tally.counts).toMatchObject({ recoveredSessions: 2, filesReclaimed: 6 });
    expect(await home.lostFiles()).toEqual([]);
  });
});

/** `unlink` does not work on files that wait, as on a disk that has become read-only or sick. */
function refuseUnlink(isRefused: (name: string) => boolean) {
  return (call: DiskCall): void => {
    const isStaged = call.path.includes('/.clawback-staged-');
    if (call.name !== 'unlink' || !isStaged || !isRefused(basename(call.path))) return;
    const says = `EIO: i/o error, unlink '${call.path}'`;
    throw Object.assign(new Error(says), { code: 'EIO', syscall: 'unlink', path: call.path });
  };
}

describe('a file that waits and that the system does not let go', () => {
  const STUCK = `${ID}.trajectory.jsonl`;
  const left = { name: STUCK, why: expect.stringContaining('EIO'), isFailure: true };

  test('is told of as one that was left; the run goes on, and the next one removes it', async () => {
    const tally = await withDiskCalls(
      refuseUnlink((name) => name === STUCK),
      run,
    );
    expect(tally.filesLeft).toEqual([left]);
    expect([tally.failures, tally.problems]).toEqual([[], []]);
    expect(tally.counts).toMatchObject({ protectedRowsTrimmed: 2, filesReclaimed: 5 });
    expect(await home.lostFiles()).toEqual([]);

    const next = await run();
    expect([next.filesLeft, next.failures, next.problems]).toEqual([[], [], []]);
    expect(next.counts.filesReclaimed).toBe(1);
    const rows = await home.rows();
    expect(await namesNow()).toEqual([stubOf(rows, KEY), stubOf(rows, OTHER)].sort());
  });

  test('of a conversation that is in use again is told of, and its other files are back', async () => {
    const revive = async () => {
      await untilStaged();
      await write({ ...(await home.rows()), [KEY]: { ...before[KEY], updatedAt: home.nowMs } });
    };
    const tally = await withDiskCalls(
      refuseUnlink((name) => name === STUCK),
      async () => (await Promise.all([run(), revive()]))[0],
    );
    expect(tally.leftAlone).toEqual([{ sessionKey: KEY, sessionId: ID, why: 'revived' }]);
    expect(tally.filesLeft).toEqual([left]);
    expect(tally.failures).toEqual([]);
    expect(await namesNow()).toEqual(expect.arrayContaining(FILES));
    await run();
    expect(await stagingFolder()).toBeUndefined();
    expect(await home.lostFiles()).toEqual([]);
  });

  test('of a row that came back as it was fails that session alone', async () => {
    const comeBack = async () => {
      await untilStaged();
      await write({ ...(await home.rows()), [KEY]: before[KEY] as Row });
    };
    const tally = await withDiskCalls(
      refuseUnlink((name) => name === STUCK),
      async () => (await Promise.all([run(), comeBack()]))[0],
    );
    expect(tally.failures).toMatchObject([
      { sessionKey: KEY, error: { message: expect.stringContaining('EIO') } },
    ]);
    expect(tally.filesLeft).toEqual([left]);
    expect(tally.counts.protectedRowsTrimmed).toBe(1);
    const next = await run();
    expect([next.filesLeft, next.failures]).toEqual([[], []]);
    expect((await home.rows())[KEY]).toMatchObject({ updatedAt: 0 });
    expect(await home.lostFiles()).toEqual([]);
  });

  test('when the run is interrupted is told of too', async () => {
    const stop = new AbortController();
    const interrupt = async () => {
      await untilStaged();
      stop.abort();
    };
    const tally = await withDiskCalls(
      refuseUnlink((name) => name === STUCK),
      async () => (await Promise.all([run({ signal: stop.signal }), interrupt()]))[0],
    );
    expect(tally.filesLeft).toEqual([left]);
    expect((await run()).counts).toMatchObject({ recoveredSessions: 2, filesReclaimed: 6 });
  });
});

/** Rewrites rows while the run is between its plan and its commit, as OpenClaw's first full save does. */
function rewritingObjects(rewrite: () => Promise<void>): ObjectStore {
  const objects = home.directory();
  const put = objects.put.bind(objects);
  let isDone = false;
  objects.put = async (key, ...rest) => {
    if (!isDone && key.includes('/manifests/')) {
      isDone = true;
      await rewrite();
    }
    return put(key, ...rest);
  };
  return objects;
}

describe('rows that OpenClaw rewrites between plan and commit', () => {
  const derived = (rows: Rows) =>
    Object.fromEntries(
      Object.entries(rows).map(([key, row]) => [key, { ...row, route: { channel: 'slack' } }]),
    );

  test('are archived a second time in the same run, and counted once', async () => {
    const tally = await home.run({ objects: rewritingObjects(() => write(derived(before))) });
    expect(tally.counts).toMatchObject({ protectedRowsTrimmed: 2, filesArchived: 6, filesReclaimed: 6 });
    expect([tally.leftAlone, tally.failures]).toEqual([[], []]);
    expect((await home.rows())[KEY]).toMatchObject({ route: { channel: 'slack' }, updatedAt: 0 });
    const batchIds = await (await home.archive()).batchIds();
    expect(batchIds.map((id) => id.slice(-4))).toEqual(['0001', '0002']);
    expect(await (await home.archive()).uncataloguedBatchIds()).toEqual([]);
  });

  test('are left alone where somebody has written to the conversation', async () => {
    const inUse = { ...before, [KEY]: { ...before[KEY], updatedAt: home.nowMs } };
    const tally = await home.run({ objects: rewritingObjects(() => write(derived(inUse))) });
    expect(tally.leftAlone).toEqual([{ sessionKey: KEY, sessionId: ID, why: 'row-changed' }]);
    expect(tally.counts.protectedRowsTrimmed).toBe(1);
    expect(await namesNow()).toEqual(expect.arrayContaining(FILES));
  });

  test('and rewrites once more are left for the next run', async () => {
    const objects = home.directory();
    const put = objects.put.bind(objects);
    let times = 0;
    objects.put = async (key, ...rest) => {
      if (key.includes('/manifests/')) {
        times += 1;
        const rows = Object.entries(before).map(([name, row]) => [name, { ...row, label: `save ${times}` }]);
        await write(Object.fromEntries(rows) as Rows);
      }
      return put(key, ...rest);
    };
    const tally = await home.run({ objects });
    expect(times).toBe(2);
    expect(tally.leftAlone.map(({ why }) => why)).toEqual(['row-changed', 'row-changed']);
    expect(await home.lostFiles()).toEqual([]);
  });
});
