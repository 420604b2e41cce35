import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readActivity } from '../../src/openclaw/activity.ts';
import type { ActivityOptions } from '../../src/openclaw/activity-evidence.ts';

const THREAD = 'agent:main:slack:channel:c1:thread:1700000000.000100';
const CHILD = 'agent:main:subagent:5f0e6f0e-0000-4000-8000-000000000001';

let stateDir: string;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'clawback-activity-'));
});

afterEach(async () => {
  await rm(stateDir, { recursive: true });
});

async function write(name: string, content: unknown) {
  const path = join(stateDir, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
}

async function keys(options?: ActivityOptions) {
  const { byKey, unreadable } = await readActivity(stateDir, options);
  expect(unreadable).toEqual([]);
  return Object.fromEntries([...byKey].map(([key, { reason, where }]) => [key, `${reason} ${where}`]));
}

test('a state dir without any of the files shows nothing', async () => {
  expect(await readActivity(stateDir)).toEqual({ byKey: new Map(), queuedDeliveries: [], unreadable: [] });
});

test('a state dir that does not exist shows nothing', async () => {
  expect((await readActivity(join(stateDir, 'absent'))).unreadable).toEqual([]);
});

describe('tasks/runs.sqlite', () => {
  const path = () => join(stateDir, 'tasks', 'runs.sqlite');

  async function createTasks(journal: string) {
    await mkdir(dirname(path()), { recursive: true });
    const database = new DatabaseSync(path());
    database.exec(`PRAGMA journal_mode=${journal}; CREATE TABLE task_runs (task_id TEXT PRIMARY KEY,
      requester_session_key TEXT, owner_key TEXT NOT NULL, child_session_key TEXT, status TEXT NOT NULL)`);
    const insert = database.prepare('INSERT INTO task_runs VALUES (?, ?, ?, ?, ?)');
    insert.run('1', '', 'agent:main:owner', 'agent:main:child', 'running');
    insert.run('2', 'agent:main:requester', 'agent:main:owner', null, 'queued');
    insert.run('3', 'agent:main:done', 'agent:main:done', null, 'succeeded');
    return database;
  }

  const expected = {
    'agent:main:owner': 'running-task tasks/runs.sqlite',
    'agent:main:child': 'running-task tasks/runs.sqlite',
    'agent:main:requester': 'running-task tasks/runs.sqlite',
  };

  test('names the sessions of tasks that wait or run, while the gateway has it open', async () => {
    const database = await createTasks('WAL');
    try {
      const before = await readdir(dirname(path()));
      expect(before).toContain('runs.sqlite-shm');
      expect(await keys()).toEqual(expected);
      expect(await readdir(dirname(path()))).toEqual(before);
    } finally {
      database.close();
    }
  });

  test.each(['WAL', 'DELETE'])(
    'is read when it is closed (journal %s), and no file appears beside it',
    async (journal) => {
      (await createTasks(journal)).close();
      expect(await keys()).toEqual(expected);
      expect(await readdir(dirname(path()))).toEqual(['runs.sqlite']);
    },
  );

  test('is read with the log that a killed gateway left, which stays', async () => {
    const database = await createTasks('WAL');
    const crashed = join(stateDir, 'crashed');
    await mkdir(crashed);
    for (const suffix of ['', '-wal']) await copyFile(path() + suffix, join(crashed, `runs.sqlite${suffix}`));
    database.close();
    await rm(dirname(path()), { recursive: true });
    await mkdir(dirname(path()));
    for (const suffix of ['', '-wal']) await copyFile(join(crashed, `runs.sqlite${suffix}`), path() + suffix);
    expect(await keys()).toEqual(expected);
    expect((await readdir(dirname(path()))).sort()).toEqual(['runs.sqlite', 'runs.sqlite-wal']);
  });

  test.each([
    ['is empty', ''],
    ['is no database', 'not a database, but long enough to be looked at'.repeat(40)],
  ])('that %s is unreadable', async (_name, content) => {
    await write('tasks/runs.sqlite', content);
    expect((await readActivity(stateDir)).unreadable).toEqual([
      { where: 'tasks/runs.sqlite', why: expect.stringMatching(/./) },
    ]);
  });

  test('that is a folder, or has other columns, is unreadable', async () => {
    await mkdir(path(), { recursive: true });
    expect((await readActivity(stateDir)).unreadable).toHaveLength(1);
    await rm(path(), { recursive: true });
    const database = new DatabaseSync(path());
    database.exec('CREATE TABLE task_runs (task_id TEXT, status TEXT)');
    database.close();
    expect((await readActivity(stateDir)).unreadable).toEqual([
      { where: 'tasks/runs.sqlite', why: 'has no column with session keys' },
    ]);
  });
});

describe('subagents/runs.json', () => {
  const run = {
    childSessionKey: CHILD,
    requesterSessionKey: THREAD,
    controllerSessionKey: 'agent:main:main',
  };

  test('names the child, the requester and the controller of a run that is not brought to its end', async () => {
    await write('subagents/runs.json', {
      version: 2,
      runs: { a: run, b: { ...run, childSessionKey: 'agent:main:subagent:done', cleanupCompletedAt: 1 } },
    });
    expect(Object.keys(await keys())).toEqual([CHILD, THREAD, 'agent:main:main']);
  });

  test('of version 1 says so in another field', async () => {
    await write('subagents/runs.json', { version: 1, runs: { a: { ...run, announceCompletedAt: 1 } } });
    expect(await keys()).toEqual({});
  });

  test('of a later version is unreadable', async () => {
    await write('subagents/runs.json', { version: 3, runs: {} });
    expect((await readActivity(stateDir)).unreadable).toHaveLength(1);
  });
});

describe('the delivery queues', () => {
  test('name sessions and addresses, and what has gone out or was given up does not count', async () => {
    const entry = {
      channel: 'slack',
      to: 'channel:C1',
      threadId: '1700000000.000100',
      payloads: [{ text: 'hi' }],
    };
    await write('delivery-queue/1.json', entry);
    await write('delivery-queue/2.json', {
      channel: 'telegram',
      to: '-100',
      threadId: 7,
      session: { key: 'agent:main:control', policyKey: 'agent:main:target' },
      mirror: { sessionKey: 'agent:main:mirror' },
    });
    await write('delivery-queue/3.delivered', entry);
    await write('delivery-queue/.delivery-queue.x.tmp', '{');
    await write('delivery-queue/failed/4.json', { ...entry, session: { key: 'agent:main:failed' } });
    await write('session-delivery-queue/5.json', {
      kind: 'agentTurn',
      sessionKey: 'agent:main:restart',
      route: { channel: 'slack', to: 'user:U1' },
    });
    expect(await keys()).toEqual({
      'agent:main:control': 'delivery-queued delivery-queue/2.json',
      'agent:main:target': 'delivery-queued delivery-queue/2.json',
      'agent:main:mirror': 'delivery-queued delivery-queue/2.json',
      'agent:main:restart': 'delivery-queued session-delivery-queue/5.json',
    });
    const reason = 'delivery-queued';
    expect((await readActivity(stateDir)).queuedDeliveries).toEqual([
      {
        reason,
        where: 'delivery-queue/1.json',
        channel: 'slack',
        to: 'channel:C1',
        threadId: '1700000000.000100',
      },
      { reason, where: 'delivery-queue/2.json', channel: 'telegram', to: '-100', threadId: '7' },
      { reason, where: 'session-delivery-queue/5.json', channel: 'slack', to: 'user:U1' },
    ]);
  });

  test.each(['{}', 'null', '[]', '{"to":'])('with an entry %s are unreadable', async (text) => {
    await write('delivery-queue/1.json', text);
    const { unreadable } = await readActivity(stateDir);
    expect(unreadable.map(({ where }) => where)).toEqual(['delivery-queue/1.json']);
  });
});

describe('bindings', () => {
  test('name their session, whichever plugin keeps them', async () => {
    const one = (key: string) => ({ version: 1, bindings: [{ conversationId: 'c', targetSessionKey: key }] });
    await write('bindings/current-conversations.json', one('agent:main:current'));
    await write('telegram/thread-bindings-default.json', one('agent:main:telegram'));
    await write('discord/thread-bindings.json', {
      version: 1,
      bindings: { 'a:1': { sessionKey: 'agent:main:discord' } },
    });
    await write(
      'matrix/accounts/default/server__user/0123abcd/thread-bindings.json',
      one('agent:main:matrix'),
    );
    await write('feishu/account/thread-bindings.json', one('agent:main:feishu'));
    await write('workspace/x/thread-bindings.json', one('agent:main:not-a-binding'));
    expect(await keys()).toEqual({
      'agent:main:current': 'bound bindings/current-conversations.json',
      'agent:main:telegram': 'bound telegram/thread-bindings-default.json',
      'agent:main:discord': 'bound discord/thread-bindings.json',
      'agent:main:matrix': 'bound matrix/accounts/default/server__user/0123abcd/thread-bindings.json',
      'agent:main:feishu': 'bound feishu/account/thread-bindings.json',
    });
  });

  test('in a shape that is not known are unreadable', async () => {
    await write('discord/thread-bindings.json', { version: 2, entries: [] });
    expect((await readActivity(stateDir)).unreadable).toEqual([
      { where: 'discord/thread-bindings.json', why: 'has no bindings' },
    ]);
  });
});

describe('cron/jobs.json', () => {
  test('names the sessions that jobs wake and the addresses that they write to', async () => {
    await write(
      'cron/jobs.json',
      `{ version: 1, jobs: [ // JSON5, as OpenClaw reads it
        { id: 'a', sessionKey: '${THREAD}', sessionTarget: 'isolated', enabled: false },
        { id: 'b', sessionTarget: 'session:agent:main:Daily', delivery: { mode: 'announce', channel: 'slack', to: 'channel:C9' } },
        { id: 'c', sessionTarget: 'main', agentId: 'Work' },
        { id: 'd', sessionTarget: 'session:notes', delivery: { mode: 'webhook', to: 'https://example.org' } },
      ] }`,
    );
    const { byKey, queuedDeliveries } = await readActivity(stateDir, {
      defaultAgentId: 'home',
      mainKey: 'base',
    });
    const named = [THREAD, 'agent:main:Daily', 'agent:main:daily', 'agent:work:base', 'agent:home:notes'];
    expect([...byKey.keys()]).toEqual(named);
    expect(queuedDeliveries).toEqual([
      { reason: 'cron-target', where: 'cron/jobs.json', channel: 'slack', to: 'channel:C9' },
    ]);
  });

  test('is where cron.store puts it', async () => {
    await write('elsewhere/cron.json', [{ id: 'a', sessionKey: THREAD }]);
    expect(await keys({ cronStore: join(stateDir, 'elsewhere', 'cron.json') })).toEqual({
      [THREAD]: 'cron-target elsewhere/cron.json',
    });
  });

  test('that holds no jobs is unreadable', async () => {
    await write('cron/jobs.json', { version: 2, entries: {} });
    expect((await readActivity(stateDir)).unreadable).toHaveLength(1);
  });
});

describe('commitments/commitments.json', () => {
  test('names the sessions of promises that are open', async () => {
    const commitments = ['pending', 'snoozed', 'sent', 'expired'].map((status) => ({
      status,
      sessionKey: `agent:main:${status}`,
    }));
    await write('commitments/commitments.json', { version: 1, commitments });
    expect(Object.keys(await keys())).toEqual(['agent:main:pending', 'agent:main:snoozed']);
  });
});

test('a file that does not parse is unreadable, and nothing of its content is repeated', async () => {
  await write('commitments/commitments.json', '{ "reason": "a private matter" ');
  expect((await readActivity(stateDir)).unreadable).toEqual([
    { where: 'commitments/commitments.json', why: 'is not JSON' },
  ]);
});
