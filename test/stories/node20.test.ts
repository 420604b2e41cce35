import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeModelRunStore } from '../../src/demo/model-run-store.ts';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import type { Manifest } from '../../src/manifest/manifest.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import type { ArchiveJson, ListJson, VerifyJson } from './support/answers.ts';
import { DAY_MS, Home } from './support/home.ts';
import { findNode20 } from './support/programs.ts';
import { threadOf, writeThreadStore } from './support/rooms.ts';
import { pick, readTree, type Tree } from './support/tree.ts';

const node20 = await findNode20();
const AGENTS = ['main', 'slack'];

/** The compiled program, with the system's clock, under the one node and the other. */
describe.skipIf(node20 === undefined).each([
  {
    writer: 'Node 20',
    write: node20,
    reader: 'the Node of the tests',
    read: process.execPath,
    engine: 'wasm',
  },
  {
    writer: 'the Node of the tests',
    write: process.execPath,
    reader: 'Node 20',
    read: node20,
    engine: 'node',
  },
])('what $writer archived', ({ write = '', read = '', reader, engine }) => {
  let home: Home;
  let before: Readonly<Record<string, Tree>>;
  let rows: Readonly<Record<string, Readonly<Record<string, Row>>>>;
  let gone: Readonly<Record<string, readonly string[]>>;

  beforeAll(async () => {
    home = await Home.create({
      nowMs: Date.now(),
      settings: { retention: { protectedPruneAfter: '7d' }, jobs: 2 },
    });
    const shape = { stateDir: home.stateDir, nowMs: home.nowMs, sizeScale: 0.01, countScale: 0.05 };
    await writeModelRunStore(shape);
    // Node 20 has no node:sqlite: it cannot look into tasks/runs.sqlite, and keeps every row that one may concern.
    await writeSlackStore({ ...shape, agentId: 'slack', blockers: false });
    before = Object.fromEntries(
      await Promise.all(AGENTS.map(async (id) => [id, await readTree(home.sessionsDir(id))] as const)),
    );
    rows = Object.fromEntries(
      await Promise.all(AGENTS.map(async (id) => [id, await home.rows(id)] as const)),
    );
    const run = (await home.compiled(write, 'archive', '--json', '--verbose')).expect(0);
    const { plan, done } = run.json<ArchiveJson>();
    expect(done).toMatchObject({
      modelRunRowsRemoved: expect.any(Number),
      filesReclaimed: done.filesArchived,
    });
    expect(done.protectedRowsTrimmed).toBeGreaterThan(3);
    expect(done.modelRunRowsRemoved).toBeGreaterThan(20);
    gone = Object.fromEntries(
      plan.map(({ storeId, selected }) => [
        storeId,
        selected.flatMap(({ files }) => files.map(({ name }) => name)),
      ]),
    );
  });

  test(`was compressed with the ${engine} engine`, async () => {
    const keys = Object.keys(await home.objects()).filter((key) => key.includes('/manifests/'));
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) {
      const text = zstdDecompressSync(await readFile(join(home.archiveDir, key))).toString('utf8');
      const { packs } = JSON.parse(text) as Manifest;
      expect(packs.map((pack) => pack.engine)).toEqual([engine]);
    }
  });

  test(`is whole to ${reader}`, async () => {
    const result = (await home.compiled(read, 'verify', '--read-data', '--json')).expect(0);
    expect(result.json<VerifyJson>()).toMatchObject({ differences: [], uncatalogued: [], strayPacks: [] });
  });

  test(`comes back in place with ${reader}, row and files`, async () => {
    const { sessions } = (await home.compiled(read, 'list', '--json')).expect(0).json<ListJson>();
    const [probe] = sessions.filter(({ kind }) => kind === 'model-run');
    const [thread] = sessions.filter(({ kind }) => kind === 'thread');
    for (const session of [probe, thread]) {
      const { archiveId = '', agentId = '', sessionKey = '' } = session ?? {};
      (await home.compiled(read, 'restore', archiveId)).expect(0);
      expect((await home.rows(agentId))[sessionKey ?? '']).toEqual(rows[agentId]?.[sessionKey ?? '']);
      const mine = (gone[agentId] ?? []).filter((name) => name.includes(session?.sessionId ?? '?'));
      expect(mine).toHaveLength(session?.files ?? -1);
      expect(pick(await readTree(home.sessionsDir(agentId)), mine)).toEqual(
        pick(before[agentId] ?? {}, mine),
      );
    }
  });
});

test.skipIf(node20 === undefined)('the demo runs under Node 20', async () => {
  const home = await Home.create();
  const { text } = (await home.compiled(node20 ?? '', 'demo', '--dir', join(home.root, 'demo'))).expect(0);
  expect(text).toContain('$ clawback restore');
  expect(text).toContain('no differences');
});

test.skipIf(node20 === undefined)(
  'a run of many batches says nothing but its report under Node 20',
  async () => {
    const home = await Home.create({
      nowMs: Date.now(),
      settings: { retention: { protectedPruneAfter: '7d' }, jobs: 2 },
    });
    for (let index = 0; index < 12; index += 1) {
      const updatedAtMs = home.nowMs - 9 * DAY_MS;
      const thread = threadOf('C0A', '1762500000.000000', {
        sessionId: `s-${index}`,
        updatedAtMs,
        text: 'x',
      });
      await writeThreadStore(home.storePath(`a${index}`), { [`a${index}`]: [thread] });
    }
    const run = (await home.compiled(node20 ?? '', 'archive', '--json')).expect(0);
    expect(run.json<ArchiveJson>().done.protectedRowsTrimmed).toBe(12);
    expect(run.stderr).toBe('');
  },
);

test.skipIf(node20 === undefined)(
  'beside a task database a run keeps all and says why, with the Node and what to type',
  async () => {
    const home = await Home.create({ nowMs: Date.now() });
    await writeModelRunStore({
      stateDir: home.stateDir,
      nowMs: home.nowMs,
      sizeScale: 0.01,
      countScale: 0.05,
    });
    await mkdir(join(home.stateDir, 'tasks'));
    await writeFile(join(home.stateDir, 'tasks', 'runs.sqlite'), '');
    const { text } = (await home.compiled(node20 ?? '', 'archive')).expect(0);
    expect(text).toMatch(
      /^WARNING: every row is kept while this cannot be read – tasks\/runs.sqlite: .* this is Node 20\..*\(run clawback on the Node that OpenClaw runs on: .*\)$/m,
    );
    const quiet = (await home.compiled(node20 ?? '', 'nightly', '--once', '--quiet')).expect(0);
    expect(quiet.stderr.match(/this is Node 20\./g)).toHaveLength(1);
  },
);
