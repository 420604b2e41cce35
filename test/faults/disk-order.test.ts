import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { tombstoneMark } from '../../src/sessions/row.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { type DiskCall, withDiskCalls } from '../support/disk-calls.ts';
import { FaultHome, threadRow } from '../support/faults.ts';
import { DAY_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// What a power cut leaves is what was made durable, in the order in which it was; what comes in between two calls of
// ours is for them to notice.

const KEY = 'agent:main:slack:channel:c01';
const ID = uuid(1);
const TRANSCRIPT = `${ID}.jsonl`;

let home: FaultHome;

beforeEach(async () => {
  home = await FaultHome.empty(await temporaryFolder());
  await home.addSession(ID, 10 * DAY_MS, 700);
  await home.writeRows({ [KEY]: threadRow(ID, 10 * DAY_MS, {}) });
});

/** The calls of a run in the sessions folder, in their order, each as `<name> <file>`. */
async function callsOf(run: () => Promise<unknown>): Promise<string[]> {
  const calls: string[] = [];
  const note = ({ name, path }: DiskCall) => {
    if (path === '') calls.push(`${name} of the store`);
    if (path.startsWith(home.sessionsDir)) calls.push(`${name} ${basename(path)}`);
  };
  await withDiskCalls(note, run);
  return calls;
}

test('a stub is durable before the row that names it is, and no file goes before that', async () => {
  const calls = await callsOf(() => home.run());
  const stub = String((await home.rows())[KEY]?.sessionFile);
  const rewrite = calls.findIndex((call) => call.startsWith('rename sessions.json.'));
  expect(calls.indexOf(`sync ${stub}`)).toBeGreaterThanOrEqual(0);
  expect(calls.slice(calls.indexOf(`sync ${stub}`), rewrite)).toContain('sync sessions');
  const stored = calls.indexOf('write of the store');
  expect(calls.slice(stored, rewrite)).toEqual(['write of the store', 'sync of the store']);
  expect(calls[rewrite + 1], 'of its folder').toBe('sync of the store');
  const unlinks = calls.flatMap((call, at) => (call.startsWith(`unlink ${ID}`) ? [at] : []));
  expect(unlinks).toHaveLength(3);
  expect(Math.min(...unlinks)).toBeGreaterThan(rewrite);
  expect(calls.slice(Math.max(...unlinks))).toContain('sync sessions');
});

test('beside a gateway the journal is durable before the first file moves, and each move before the first goes', async () => {
  const calls = await callsOf(() => home.runLive());
  const moves = calls.flatMap((call, at) => (call.startsWith(`rename ${ID}`) ? [at] : []));
  const unlinks = calls.flatMap((call, at) => (call.startsWith(`unlink ${ID}`) ? [at] : []));
  expect([moves.length, unlinks.length]).toEqual([3, 3]);
  expect(calls.indexOf('sync journal.json')).toBeGreaterThanOrEqual(0);
  expect(calls.indexOf('sync journal.json')).toBeLessThan(Math.min(...moves));
  expect(calls.slice(Math.max(...moves), Math.min(...unlinks))).toContain('sync sessions');
});

test('what is written to a file in the instant in which it is moved is not lost, and the file keeps its place', async () => {
  const path = join(home.sessionsDir, TRANSCRIPT);
  const append = (call: DiskCall) => {
    if (call.name === 'rename' && call.path === path) appendFileSync(path, 'in the last instant');
  };
  const tally = await withDiskCalls(append, () => home.runLive());
  expect(tally.filesLeft.map(({ name }) => name)).toEqual([TRANSCRIPT]);
  expect(await readFile(path, 'utf8')).toMatch(/in the last instant$/);
});

test('a row that another process writes while the new store is written is not lost, and ours is changed after it', async () => {
  let isWritten = false;
  const writeMeanwhile = ({ name }: DiskCall) => {
    if (name !== 'write' || isWritten) return;
    isWritten = true;
    const rows = JSON.parse(readFileSync(home.storePath, 'utf8')) as Record<string, Row>;
    writeFileSync(home.storePath, JSON.stringify({ ...rows, young: { sessionId: 'y', updatedAt: 1 } }));
  };
  const tally = await withDiskCalls(writeMeanwhile, () => home.run());
  expect([isWritten, tally.failures]).toEqual([true, []]);
  const rows = await home.rows();
  expect(rows.young).toEqual({ sessionId: 'y', updatedAt: 1 });
  expect(tombstoneMark(rows[KEY] ?? {})).toBeDefined();
});

test('a manifest that does not come back as it was written commits nothing', async () => {
  const before = await home.rows();
  const objects = home.directory();
  const { codec } = await home.archive();
  const put = objects.put.bind(objects);
  objects.put = (key, bytes, ...rest) => {
    if (!key.includes('/manifests/')) return put(key, bytes, ...rest);
    const text = Buffer.from(codec.decompress(bytes, 1024 * 1024)).toString('utf8');
    const other = text.replace(/("verified":\s*)"content"/, '$1"stored"');
    expect(other).not.toBe(text);
    return put(key, codec.compress(Buffer.from(other), 3), ...rest);
  };
  const tally = await home.run({ objects });
  expect(tally.failures).toMatchObject([{ error: { code: 'object-corrupt' } }]);
  expect(await home.rows()).toEqual(before);
  expect(await readdir(home.sessionsDir)).toEqual(expect.arrayContaining([TRANSCRIPT]));
});

test.each(['run', 'runLive'] as const)(
  'a file that cannot be removed now is removed by the next run (%s)',
  async (road) => {
    const busy = ({ name, path }: DiskCall) => {
      if (name === 'unlink' && basename(path) === TRANSCRIPT)
        throw Object.assign(new Error('EBUSY: resource busy'), { code: 'EBUSY' });
    };
    const tally = await withDiskCalls(busy, () => home[road]()).catch(() => undefined);
    if (road === 'run') expect(tally?.filesLeft).toMatchObject([{ name: TRANSCRIPT, isFailure: true }]);
    expect(await (await home.archive()).uncataloguedBatchIds()).toHaveLength(1);
    home.nowMs += 1000;
    await home.run();
    expect(await readdir(home.sessionsDir)).not.toContain(TRANSCRIPT);
    expect(await (await home.archive()).uncataloguedBatchIds()).toEqual([]);
    expect(await home.lostFiles()).toEqual([]);
  },
);
