import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import type { SyntheticStore } from '../../src/demo/synthetic-store.ts';
import {
  DAY_MS,
  filesBelow,
  fingerprint,
  NOW_MS,
  newestEvidenceMs,
  readRows,
  readTranscript,
  type StoredRow,
  sizeOf,
  temporaryStateDir,
} from './support.ts';

const MiB = 1 << 20;

describe('the Slack report’s store', () => {
  let stateDir: string;
  let store: SyntheticStore;
  let rows: Record<string, StoredRow>;
  let keys: string[];

  beforeAll(async () => {
    stateDir = await mkdtemp(path.join(tmpdir(), 'clawback-demo-'));
    store = await writeSlackStore({ stateDir, nowMs: NOW_MS, sizeScale: 0.01 });
    rows = await readRows(store);
    keys = Object.keys(rows);
  });
  afterAll(() => rm(stateDir, { recursive: true, force: true }));

  test('has 584 rows: 17 channels, 543 threads, 24 other', () => {
    const matching = (pattern: RegExp) => keys.filter((key) => pattern.test(key)).length;
    expect(keys).toHaveLength(584);
    expect(store.rowCount).toBe(584);
    expect(matching(/^agent:main:slack:channel:c0[a-z0-9]{8,9}$/)).toBe(17);
    expect(matching(/^agent:main:slack:channel:c0[a-z0-9]{8,9}:thread:\d{10}\.\d{6}$/)).toBe(543);
    // The report does not break these down; the kinds are this generator's assumption.
    expect(matching(/^agent:main:slack:group:g0[a-z0-9]{8,9}$/)).toBe(10);
    expect(matching(/^agent:main:slack:group:g0[a-z0-9]{8,9}:thread:\d{10}\.\d{6}$/)).toBe(8);
    expect(matching(/^agent:main:slack:(?:direct|mpdm):/)).toBe(6);
  });

  test('has only Slack rows, and those whose key says nothing are channels by their metadata', () => {
    const metadataOnly = keys.filter((key) => /:slack:(?:direct|mpdm):/.test(key));
    expect(new Set(keys.map((key) => rows[key]?.channel))).toEqual(new Set(['slack']));
    expect(new Set(metadataOnly.map((key) => rows[key]?.chatType))).toEqual(new Set(['channel']));
  });

  test('has a session id of its own in every row', () => {
    expect(new Set(Object.values(rows).map((row) => row.sessionId)).size).toBe(584);
  });

  test('has 505 rows older than a day, 122 older than a week, none older than two', () => {
    const olderThan = (days: number) =>
      Object.values(rows).filter((row) => NOW_MS - row.updatedAt > days * DAY_MS).length;
    expect([1, 7, 14].map(olderThan)).toEqual([505, 122, 0]);
  });

  test('dates every row and all of its files alike', async () => {
    for (const session of store.sessions) {
      const row = rows[session.sessionKey] as StoredRow;
      const newestMs = await newestEvidenceMs(store, row, session);
      expect(Math.abs(NOW_MS - newestMs - session.ageMs)).toBeLessThan(1);
      expect(row.sessionStartedAt).toBeLessThanOrEqual(row.startedAt ?? Number.NaN);
      expect(row.startedAt).toBeLessThanOrEqual(row.endedAt ?? row.updatedAt);
    }
  });

  test('has 4,874 files, each of them the store, a session’s or an orphan', async () => {
    const files = await filesBelow(store.sessionsDir);
    const known = [
      'sessions.json',
      ...store.sessions.flatMap((session) => session.files),
      ...store.orphans.map((orphan) => orphan.name),
    ];
    expect(files).toHaveLength(4874);
    expect(store.fileCount).toBe(4874);
    expect(known.sort()).toEqual(files);
  });

  test('reports the bytes that lie on disk', async () => {
    const sizes = await Promise.all((await filesBelow(store.sessionsDir)).map((name) => sizeOf(store, name)));
    expect(store.bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  });

  test('has a sessions.json of 4.33 MiB, two spaces, no newline at the end, for its owner only', async () => {
    const text = await readFile(store.storePath, 'utf8');
    expect(text).toBe(JSON.stringify(JSON.parse(text), null, 2));
    expect(Math.abs(text.length / (4.33 * MiB) - 1)).toBeLessThan(0.03);
    expect((await stat(store.storePath)).mode & 0o777).toBe(0o600);
  });

  test('names each transcript by an absolute path that exists', async () => {
    for (const session of store.sessions) {
      const file = rows[session.sessionKey]?.sessionFile ?? '';
      expect(path.dirname(file)).toBe(store.sessionsDir);
      expect(session.files).toContain(path.basename(file));
    }
  });

  test('routes each thread by the upper-case channel and the timestamp of its key', () => {
    for (const key of keys.filter((candidate) => candidate.includes(':thread:'))) {
      const row = rows[key] as StoredRow;
      const [, id, threadTs] = /:([cg]0[a-z0-9]+):thread:(.+)$/.exec(key) ?? [];
      expect(row).toMatchObject({
        groupId: id,
        lastTo: `channel:${id?.toUpperCase()}`,
        lastThreadId: threadTs,
        lastAccountId: 'default',
        origin: { nativeChannelId: id?.toUpperCase(), threadId: threadTs },
        deliveryContext: { channel: 'slack', to: row.lastTo, threadId: threadTs },
      });
      expect(Number(threadTs) * 1000).toBeLessThanOrEqual(row.sessionStartedAt ?? 0);
    }
  });

  test('plants each blocker among the rows older than a week', () => {
    const blocked = store.sessions.filter((session) => session.blocker !== undefined);
    expect(blocked.every((session) => session.ageMs > 7 * DAY_MS)).toBe(true);
    expect(blocked.map((session) => session.blocker).sort()).toEqual([
      'abortedLastRun',
      'acp',
      'acp',
      'binding',
      'codex-app-server',
      'delivery-queue',
      'pendingFinalDelivery',
      'pendingFinalDelivery',
      'quotaSuspension',
      'running',
      'running',
      'running',
      'task-run',
    ]);
  });

  test('shows each blocker where OpenClaw would', async () => {
    const keyOf = (blocker: string) =>
      store.sessions.find((session) => session.blocker === blocker)?.sessionKey ?? '';
    const [queued] = await readdir(path.join(stateDir, 'delivery-queue'));
    const delivery = JSON.parse(await readFile(path.join(stateDir, 'delivery-queue', queued ?? ''), 'utf8'));
    const bindingsFile = path.join(stateDir, 'bindings', 'current-conversations.json');
    const { bindings } = JSON.parse(await readFile(bindingsFile, 'utf8'));
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
    const tasks = new DatabaseSync(path.join(stateDir, 'tasks', 'runs.sqlite'), { readOnly: true });
    const task = tasks.prepare('SELECT owner_key, status FROM task_runs').all();
    tasks.close();

    expect(delivery.mirror.sessionKey).toBe(keyOf('delivery-queue'));
    expect(bindings).toMatchObject([{ targetSessionKey: keyOf('binding'), status: 'active' }]);
    expect(task).toMatchObject([{ owner_key: keyOf('task-run'), status: 'running' }]);
    expect(rows[keyOf('running')]).toMatchObject({ status: 'running' });
    expect(rows[keyOf('running')]).not.toHaveProperty('endedAt');
    expect(rows[keyOf('pendingFinalDelivery')]).toMatchObject({ pendingFinalDelivery: true });
    expect(rows[keyOf('acp')]).toHaveProperty('acp.state', 'idle');
    expect(rows[keyOf('quotaSuspension')]).toHaveProperty('quotaSuspension.state', 'suspended');
    expect(rows[keyOf('abortedLastRun')]).toMatchObject({ abortedLastRun: true });
  });

  test('puts a lock beside one running transcript and a Codex sidecar beside another', () => {
    const holding = (suffix: string) =>
      store.sessions.filter((session) => session.files.some((name) => name.endsWith(suffix)));
    expect(holding('.jsonl.lock').map((session) => session.blocker)).toEqual(['running']);
    expect(holding('.codex-app-server.json').map((session) => session.blocker)).toEqual(['codex-app-server']);
  });

  test('names one old, free transcript like a fork’s', () => {
    const forked = store.sessions.filter((session) =>
      /^\d{4}-[\dTZ-]+_[0-9a-f-]{36}\.jsonl$/.test(session.files[0] ?? ''),
    );
    expect(forked).toHaveLength(1);
    expect(forked[0]).not.toHaveProperty('blocker');
    expect(forked[0]?.ageMs).toBeGreaterThan(7 * DAY_MS);
  });

  test('leaves the report’s orphans, on both sides of a week', () => {
    const count: Record<string, number> = {};
    for (const { kind } of store.orphans) count[kind] = (count[kind] ?? 0) + 1;
    expect(count).toEqual({
      reset: 1000,
      trajectory: 1000,
      'trajectory-pointer': 1000,
      deleted: 60,
      checkpoint: 15,
      'repair-backup': 5,
      'codex-sidecar': 10,
      'store-temp': 2,
      'store-backup': 1,
      'usage-cache': 1,
    });
    const ages = store.orphans.filter(({ kind }) => kind === 'reset').map(({ ageMs }) => ageMs);
    expect(ages.filter((ageMs) => ageMs > 7 * DAY_MS).length).toBeGreaterThan(200);
    expect(ages.filter((ageMs) => ageMs < 7 * DAY_MS).length).toBeGreaterThan(200);
    expect(Math.max(...ages)).toBeLessThan(14 * DAY_MS);
  });

  test('dates each orphan by its mtime, and a reset also by its name', async () => {
    for (const { name, kind, ageMs } of store.orphans) {
      const { mtimeMs } = await stat(path.join(store.sessionsDir, name));
      expect(Math.abs(NOW_MS - mtimeMs - ageMs)).toBeLessThan(1);
      const stamp = new Date(NOW_MS - ageMs).toISOString().replaceAll(':', '-');
      if (kind === 'reset') expect(name.endsWith(`.jsonl.reset.${stamp}`)).toBe(true);
    }
  });

  test('keeps the earlier generations of a conversation older than the live one', () => {
    const bases = new Map(
      store.orphans
        .filter(({ kind }) => kind === 'trajectory')
        .map(({ name, ageMs }) => [name.slice(0, 36), ageMs]),
    );
    for (const session of store.sessions) {
      const family = (rows[session.sessionKey]?.usageFamilySessionIds ?? []) as string[];
      for (const sessionId of family.filter((id) => id !== session.sessionId)) {
        expect(bases.get(sessionId)).toBeGreaterThan(session.ageMs);
      }
    }
  });

  test('references 25 checkpoints from 88 rows that were compacted', async () => {
    const compacted = Object.values(rows).filter((row) => row.compactionCheckpoints !== undefined);
    const referenced = compacted.flatMap((row) =>
      (row.compactionCheckpoints as { preCompaction: { sessionFile?: string } }[]).flatMap(
        ({ preCompaction }) => preCompaction.sessionFile ?? [],
      ),
    );
    expect(compacted).toHaveLength(88);
    expect(referenced).toHaveLength(25);
    for (const file of referenced) expect((await stat(file)).isFile()).toBe(true);
  });

  test('writes transcripts that are version 3 trees with messages', async () => {
    const files = (await filesBelow(store.sessionsDir)).filter((name) =>
      /\.jsonl(?:\.(?:reset|deleted)\..*|\.bak-.*)?$/.test(name),
    );
    const transcripts = files.filter((name) => !name.endsWith('.trajectory.jsonl'));
    expect(transcripts).toHaveLength(584 + 1000 + 60 + 40 + 5);
    for (const name of transcripts) {
      const entries = await readTranscript(path.join(store.sessionsDir, name));
      expect(entries.filter(({ type }) => type === 'message').length).toBeGreaterThanOrEqual(2);
    }
  });

  test('writes trajectories whose pointers lead to them', async () => {
    const pointers = (await filesBelow(store.sessionsDir)).filter((name) =>
      name.endsWith('.trajectory-path.json'),
    );
    expect(pointers).toHaveLength(1584);
    for (const name of pointers) {
      const pointer = JSON.parse(await readFile(path.join(store.sessionsDir, name), 'utf8'));
      const lines = (await readFile(pointer.runtimeFile, 'utf8')).trimEnd().split('\n');
      const types = lines.map((line) => JSON.parse(line)).map((event) => `${event.sessionId} ${event.type}`);
      expect(types[0]).toBe(`${pointer.sessionId} session.started`);
      expect(types.at(-1)).toBe(`${pointer.sessionId} session.ended`);
    }
  });
});

test('the same seed writes the same bytes under the same names', async () => {
  const [first, second, third] = [
    await temporaryStateDir(),
    await temporaryStateDir(),
    await temporaryStateDir(),
  ];
  const options = { nowMs: NOW_MS, sizeScale: 0.01, countScale: 0.1 };
  await writeSlackStore({ ...options, stateDir: first });
  await writeSlackStore({ ...options, stateDir: second });
  await writeSlackStore({ ...options, stateDir: third, seed: 2 });
  expect(await fingerprint(second)).toEqual(await fingerprint(first));
  expect(await fingerprint(third)).not.toEqual(await fingerprint(first));
});

test('a store without blockers and orphans has the rows and their own files only', async () => {
  const stateDir = await temporaryStateDir();
  const store = await writeSlackStore({
    stateDir,
    nowMs: NOW_MS,
    sizeScale: 0.01,
    blockers: false,
    orphans: false,
  });
  expect(store.sessions.filter((session) => session.blocker !== undefined)).toEqual([]);
  expect(store.orphans).toEqual([]);
  expect(await filesBelow(store.sessionsDir)).toHaveLength(584 * 3 + 25 + 1);
  expect((await readdir(stateDir)).sort()).toEqual(['agents', 'openclaw.json']);
});

test('the count of files is the report’s without blockers, too', async () => {
  const stateDir = await temporaryStateDir();
  const store = await writeSlackStore({ stateDir, nowMs: NOW_MS, sizeScale: 0.01, blockers: false });
  expect(store.fileCount).toBe(4874);
});

test('a tenth of the store keeps its proportions, and half of its old rows free of blockers', async () => {
  const stateDir = await temporaryStateDir();
  const store = await writeSlackStore({ stateDir, nowMs: NOW_MS, sizeScale: 0.01, countScale: 0.1 });
  const old = store.sessions.filter((session) => session.ageMs > 7 * DAY_MS);
  const kinds = old.flatMap((session) => session.blocker ?? []);
  expect(store.rowCount).toBe(59);
  expect(old).toHaveLength(12);
  expect(kinds).toHaveLength(6);
  expect(new Set(kinds).size).toBe(6);
});

test('variants add a shared session id and an unfinished subagent', async () => {
  const stateDir = await temporaryStateDir();
  const store = await writeSlackStore({ stateDir, nowMs: NOW_MS, sizeScale: 0.01, variants: true });
  const rows = await readRows(store);
  const shared = store.sessions.filter((session) => session.blocker === 'shared-session');
  const parent = store.sessions.find((session) => session.blocker === 'subagent-child');
  const child = Object.entries(rows).find(([key]) => key.includes(':subagent:'))?.[1];
  expect(shared.map((session) => session.sessionId)).toEqual([shared[0]?.sessionId, shared[0]?.sessionId]);
  expect(shared.map(({ sessionKey }) => rows[sessionKey]?.sessionFile)).toEqual(
    shared.map(() => path.join(store.sessionsDir, shared[0]?.files[0] ?? '')),
  );
  expect(child).toMatchObject({ status: 'running', spawnedBy: parent?.sessionKey });
});

test('a second store of the same agent is refused and the first one left alone', async () => {
  const stateDir = await temporaryStateDir();
  const options = { stateDir, nowMs: NOW_MS, sizeScale: 0.01, countScale: 0.1 };
  await writeSlackStore(options);
  const before = await fingerprint(stateDir);
  await expect(writeSlackStore(options)).rejects.toMatchObject({ code: 'usage' });
  expect(await fingerprint(stateDir)).toEqual(before);
});
