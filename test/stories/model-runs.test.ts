import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeModelRunStore } from '../../src/demo/model-run-store.ts';
import type { SyntheticStore } from '../../src/demo/synthetic-store.ts';
import type { CliResult } from '../support/run-cli.ts';
import type { ArchiveJson, ErrorJson, ListJson, RestoreJson } from './support/answers.ts';
import { DAY_MS, Home } from './support/home.ts';
import { archiveFingerprint, fingerprint, pick, readTree, type Tree } from './support/tree.ts';

const PROBE = /^agent:main:explicit:model-run-[0-9a-f-]{36}$/;

function oldProbes({ sessions }: SyntheticStore) {
  return sessions.filter(({ sessionKey, ageMs }) => PROBE.test(sessionKey) && ageMs >= DAY_MS);
}

/** Blocks that the file system holds for these files: what their removal frees. */
async function diskBytes(folder: string, names: readonly string[]): Promise<number> {
  const stats = await Promise.all(names.map((name) => lstat(join(folder, name))));
  return stats.reduce((sum, { blocks }) => sum + blocks * 512, 0);
}

describe('549 rows of which 507 are one-shot model runs, with the default settings', () => {
  let home: Home;
  let store: SyntheticStore;
  let before: { text: string; tree: Tree; mode: number };
  let goneFiles: string[];
  let goneDiskBytes: number;
  let run: CliResult;
  let json: ArchiveJson;

  beforeAll(async () => {
    home = await Home.create();
    store = await writeModelRunStore({ stateDir: home.stateDir, nowMs: home.nowMs, sizeScale: 0.01 });
    goneFiles = oldProbes(store).flatMap(({ files }) => [...files]);
    goneDiskBytes = await diskBytes(store.sessionsDir, goneFiles);
    before = {
      text: await home.storeText(),
      tree: await readTree(store.sessionsDir),
      mode: (await stat(store.storePath)).mode,
    };
    run = await home.clawback('archive', '--json', '--verbose');
    json = run.json<ArchiveJson>();
  });

  test('the run ends with exit code 0 and says nothing on standard error', () => {
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(json).toMatchObject({ failures: [], problems: [], leftAlone: [], filesLeft: [] });
  });

  test('483 rows are removed at 24 hours, 24 kept, 42 others untouched', async () => {
    expect(json.planned).toMatchObject({
      rows: 549,
      selectedRows: 483,
      bySelectReason: { 'model-run-age': 483 },
      keptRows: 66,
    });
    expect(json.done).toMatchObject({
      modelRunRowsRemoved: 483,
      protectedRowsTrimmed: 0,
      ordinaryRowsPruned: 0,
      orphanSessionsArchived: 0,
    });
    const keys = Object.keys(await home.rows());
    expect(keys.filter((key) => PROBE.test(key))).toHaveLength(24);
    expect(keys.filter((key) => !PROBE.test(key))).toHaveLength(42);
  });

  test('every row that stays keeps its bytes, its place and the mode of sessions.json', async () => {
    const gone = new Set(oldProbes(store).map(({ sessionKey }) => sessionKey));
    const rows = JSON.parse(before.text) as Record<string, unknown>;
    const left = Object.fromEntries(Object.entries(rows).filter(([key]) => !gone.has(key)));
    expect(await home.storeText()).toBe(JSON.stringify(left, null, 2));
    expect((await stat(store.storePath)).mode).toBe(before.mode);
  });

  test('exactly the files of the removed rows are gone, the others as they were', async () => {
    const { 'sessions.json': _store, ...left } = await readTree(store.sessionsDir);
    const names = Object.keys(before.tree).filter((n) => n !== 'sessions.json' && !goneFiles.includes(n));
    expect(left).toEqual(pick(before.tree, names));
    expect(goneFiles).toHaveLength(483 * 3);
  });

  test('the counts of the report are the bytes on disk and the objects in the archive', async () => {
    const objects = await home.conversationObjects();
    const archived = oldProbes(store).reduce((sum, { files }) => sum + files.length, 0);
    expect(json.done).toMatchObject({
      filesArchived: archived,
      filesReclaimed: archived,
      freedBytes: goneDiskBytes,
      objects: Object.keys(objects).length,
      storedBytes: Object.values(objects).reduce((sum, size) => sum + size, 0),
    });
    // The number of objects follows the bytes, not the rows.
    expect(Object.keys(objects).length).toBeLessThan(6);
  });

  test('the catalogue is the history of the probes', async () => {
    const { totals, sessions } = await home.json<ListJson>('list');
    expect(totals).toMatchObject({ sessions: 483, files: 483 * 3 });
    expect(sessions.map(({ sessionKey }) => sessionKey).sort()).toEqual(
      oldProbes(store)
        .map(({ sessionKey }) => sessionKey)
        .sort(),
    );
    expect(new Set(sessions.map(({ kind, action }) => `${kind} ${action}`))).toEqual(
      new Set(['model-run remove']),
    );
  });

  test('every kept row says why', () => {
    const kept = json.plan[0]?.kept ?? [];
    expect(kept).toHaveLength(66);
    expect(kept.filter(({ text }) => text === '')).toEqual([]);
    const probes = kept.filter(({ sessionKey }) => PROBE.test(sessionKey));
    expect(new Set(probes.map(({ reason }) => reason))).toEqual(new Set(['too-young', 'recent']));
    expect(kept.find(({ sessionKey }) => sessionKey === 'agent:main:explicit:model-run-notes')).toMatchObject(
      {
        reason: 'no-policy',
      },
    );
  });

  test('the same numbers stand in the text for people', async () => {
    const twin = await Home.create();
    await writeModelRunStore({ stateDir: twin.stateDir, nowMs: twin.nowMs, sizeScale: 0.01 });
    const { text } = (await twin.clawback('archive')).expect(0);
    expect(text).toMatch(/^ +483 {2}model-run rows removed$/m);
    expect(text).toMatch(/^1,449 files removed here/m);
    expect(text).toMatch(/^kept 66 rows$/m);
  });

  test('a second run does nothing: no new object, no file touched', async () => {
    const local = await fingerprint(store.sessionsDir);
    const archive = await archiveFingerprint(home.archiveDir);
    const again = await home.json<ArchiveJson>('archive');
    expect(again.planned.selectedRows).toBe(0);
    expect(Object.values(again.done).every((n) => n === 0)).toBe(true);
    expect(await fingerprint(store.sessionsDir)).toEqual(local);
    expect(await archiveFingerprint(home.archiveDir)).toEqual(archive);
  });
});

describe('keys that look like model runs', () => {
  const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e';

  test.each([
    ['a name instead of a uuid', 'agent:main:explicit:model-run-notes'],
    ['a number', 'agent:main:explicit:model-run-1234'],
    ['a uuid and more', `agent:main:explicit:model-run-${uuid}-2`],
    ['a part too many', `agent:main:explicit:model-run-${uuid}:thread`],
    ['another namespace', `agent:main:dashboard:model-run-${uuid}`],
    ['no agent', `explicit:model-run-${uuid}`],
  ])('%s is a near miss, and kept', async (_what, sessionKey) => {
    const home = await homeWithRow(sessionKey);
    const before = await home.storeText();
    const json = await home.json<ArchiveJson>('archive');
    expect(json.planned).toMatchObject({ selectedRows: 0, keptByReason: { 'no-policy': 1 } });
    expect(await home.storeText()).toBe(before);
  });

  test('one in capital letters is a model run to OpenClaw, and to us', async () => {
    const home = await homeWithRow(`agent:main:explicit:MODEL-RUN-${uuid.toUpperCase()}`);
    const json = await home.json<ArchiveJson>('archive');
    expect(json.done).toMatchObject({ modelRunRowsRemoved: 1 });
    expect(await home.storeText()).toBe('{}');
  });

  /** The smallest store there is, its one row two days old. */
  async function homeWithRow(sessionKey: string): Promise<Home> {
    const home = await Home.create();
    const { sessions } = await writeModelRunStore({
      stateDir: home.stateDir,
      nowMs: home.nowMs,
      countScale: 0.001,
    });
    const probe = oldProbes({ sessions } as SyntheticStore)[0];
    await home.changeRows((rows) => ({ [sessionKey]: rows[probe?.sessionKey ?? ''] ?? {} }));
    return home;
  }
});

describe('with modelRun.keepTranscripts: false', () => {
  let home: Home;
  let store: SyntheticStore;

  beforeAll(async () => {
    home = await Home.create({ settings: { modelRun: { keepTranscripts: false } } });
    store = await writeModelRunStore({ stateDir: home.stateDir, nowMs: home.nowMs, countScale: 0.1 });
    await home.json('archive');
  });

  test('rows and files go, and the archive holds rows only: no pack', async () => {
    const probes = oldProbes(store);
    const left = Object.keys(await readTree(store.sessionsDir));
    expect(probes.flatMap(({ files }) => files).filter((name) => left.includes(name))).toEqual([]);
    const keys = Object.keys(await home.objects());
    expect(keys.filter((key) => key.includes('/packs/'))).toEqual([]);
    expect(keys.some((key) => key.includes('/manifests/'))).toBe(true);
    const { totals } = await home.json<ListJson>('list');
    expect(totals).toMatchObject({ sessions: probes.length, files: 3 * probes.length, storedBytes: 0 });
  });

  test('reading such a transcript says why there is none', async () => {
    const key = oldProbes(store)[0]?.sessionKey ?? '';
    expect((await home.clawback('cat', key)).expect(1).stderr).toContain('modelRun.keepTranscripts: false');
  });

  test('restoring one brings back its row', async () => {
    const key = oldProbes(store)[1]?.sessionKey ?? '';
    expect(await home.rows()).not.toHaveProperty([key]);
    const json = await home.json<RestoreJson>('restore', key);
    expect(json).toMatchObject({ files: [], row: 'restored' });
    expect(await home.rows()).toHaveProperty([key, 'sessionId'], key.split(':').at(-1));
  });

  test('an unknown one is not found', async () => {
    const result = await home.clawback('restore', 'agent:main:explicit:model-run-x', '--json');
    expect(result.expect(1).json<ErrorJson>()).toMatchObject({ code: 'selector-unknown' });
  });
});
