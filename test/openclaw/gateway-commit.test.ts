import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { GatewayClient } from '../../src/gateway/gateway-client.ts';
import { GatewaySessionStore } from '../../src/gateway/gateway-session-store.ts';
import { commitRequest } from '../../src/gateway/messages.ts';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import type { Row, RowChange } from '../../src/sessions/session-store.ts';
import { describeSessionStore } from '../conformance/session-store.ts';
import { GATEWAY_TOKEN, readRows } from './support/home.ts';
import {
  type ArchivedRow,
  commitRaw,
  type LiveHome,
  manifestOfRows,
  startLiveHome,
} from './support/live-home.ts';
import { packageFolder } from './support/plugin.ts';
import { GATEWAY_RELEASES, installOpenClaw } from './support/release.ts';

const DAY_MS = 86_400_000;
const KEY = 'agent:main:slack:channel:c0ops:thread:1700000000.000100';
const TOMBSTONE: Row = { sessionId: 'tombstone-1', updatedAt: 0 };

let batches = 0;
/** A generation in a batch of its own, with an id that no other test uses. */
function generationOf(sessionKey: string, row: Row, tombstone: Row | null = TOMBSTONE): ArchivedRow {
  batches += 1;
  const archiveId = `20261120t040000z-${batches.toString(16).padStart(8, '0')}-0001.0`;
  return { archiveId, sessionKey, row, tombstone };
}

const archiving = ({ archiveId, sessionKey, row, tombstone }: ArchivedRow): RowChange => ({
  sessionKey,
  archiveId,
  expectSha256: rowSha256(row),
  replaceWith: tombstone,
});

describe.each(GATEWAY_RELEASES)('a running gateway of openclaw@%s with the plugin', (version) => {
  let live: LiveHome;
  let folder: string;
  let path: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'clawback-plugin-'));
    live = await startLiveHome(await installOpenClaw(version), await packageFolder(folder));
    path = join(live.home.sessionsDir, 'sessions.json');
    console.info(`OpenClaw ${version}: plugin installed, gateway up`);
  });

  afterAll(async () => {
    await live?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const storeOf = () => new GatewaySessionStore(live.client, { id: 'main', path });
  const writeStore = (rows: Readonly<Record<string, Row>>) =>
    writeFile(path, JSON.stringify(rows, null, 2), { mode: 0o600 });
  const putGenerations = async (...generations: readonly ArchivedRow[]) => {
    for (const one of generations) await live.putManifest(manifestOfRows([one]));
  };
  /** Answers with outcome and reason, past everything that our own side would never send. */
  const commitOne = async (change: RowChange, storeId = 'main') => {
    const reply = (await commitRaw(live, commitRequest(storeId, [change]))) as {
      outcomes: { outcome: string; reason?: string }[];
    };
    return reply.outcomes[0];
  };
  const waitUntilIdle = () =>
    vi.waitFor(async () => expect(await storeOf().active()).toEqual([]), { timeout: 60_000, interval: 200 });
  const say = (sessionKey: string, message: string) =>
    live.client.call('chat.send', { sessionKey, message, idempotencyKey: randomUUID() });
  const heard = (text: string) =>
    live.model.requests.filter(({ messages }) => messages.some((message) => message.text.includes(text)));

  describeSessionStore(`gateway ${version}`, async (rows, generations) => {
    await writeFile(path, JSON.stringify(Object.fromEntries(rows), null, 2), { mode: 0o600 });
    if (generations.length > 0) await live.putManifest(manifestOfRows(generations));
    return {
      store: storeOf(),
      writeRow: async (sessionKey, row) => {
        const now = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
        if (row === null) delete now[sessionKey];
        else now[sessionKey] = row;
        await writeFile(path, JSON.stringify(now, null, 2));
      },
    };
  });

  describe('a commit', () => {
    test('compares with the row on the disk, not with the one that the gateway derives from it', async () => {
      const row = {
        sessionId: 'older-era',
        updatedAt: 1000,
        provider: 'slack',
        deliveryContext: { channel: 'slack', to: 'channel:C0OPS' },
      };
      const generation = generationOf(KEY, row);
      await putGenerations(generation);
      await writeStore({ [KEY]: row });
      expect(await commitOne(archiving(generation))).toEqual({ sessionKey: KEY, outcome: 'committed' });
      expect(await readRows(live.home)).toEqual({ [KEY]: TOMBSTONE });
    });

    test('prunes no row and purges no file, whatever OpenClaw would do with a write of its own', async () => {
      const old = { sessionId: 'old-dm', updatedAt: Date.now() - 400 * DAY_MS };
      const row = { sessionId: 'archived', updatedAt: 1000 };
      const generation = generationOf(KEY, row);
      await putGenerations(generation);
      await writeStore({ [KEY]: row, 'agent:main:slack:direct:u1': old });
      const deleted = join(live.home.sessionsDir, 'x.jsonl.deleted.2025-01-01T00-00-00.000Z');
      for (const file of [deleted, join(live.home.sessionsDir, 'old-dm.jsonl')]) {
        await writeFile(file, '{"type":"session","version":3,"id":"old-dm"}\n');
        await utimes(file, 1, 1);
      }
      const before = (await readdir(live.home.sessionsDir)).sort();
      expect(await commitOne(archiving(generation))).toMatchObject({ outcome: 'committed' });
      expect(await readRows(live.home)).toEqual({ [KEY]: TOMBSTONE, 'agent:main:slack:direct:u1': old });
      expect((await readdir(live.home.sessionsDir)).sort()).toEqual(before);
    });

    test('leaves the gateway able to answer the conversation whose row it put back', async () => {
      await writeStore({});
      await say(KEY, 'before the archive');
      await vi.waitFor(() => expect(heard('before the archive')).toHaveLength(1), { timeout: 60_000 });
      await waitUntilIdle();
      const row = (await readRows(live.home))[KEY] as Row;
      expect(row).toHaveProperty('skillsSnapshot');
      const generation = generationOf(KEY, row);
      await putGenerations(generation);
      expect(await commitOne(archiving(generation))).toMatchObject({ outcome: 'committed' });
      const nowMs = Date.now();
      const dates = { updatedAt: nowMs, sessionStartedAt: nowMs, lastInteractionAt: nowMs };
      const back = {
        ...archiving(generation),
        expectSha256: rowSha256(TOMBSTONE),
        replaceWith: { ...row, ...dates },
      };
      expect(await commitOne(back)).toMatchObject({ outcome: 'committed' });
      await say(KEY, 'after the restore');
      await vi.waitFor(() => expect(heard('after the restore')).toHaveLength(1), { timeout: 60_000 });
      expect(
        heard('after the restore')[0]
          ?.messages.map(({ text }) => text)
          .join(),
      ).toContain('before the archive');
      await waitUntilIdle();
    });

    test('leaves a session alone while a turn of it runs, from the moment the turn was accepted', async () => {
      const idle = 'agent:main:slack:channel:c0idle';
      const row = { sessionId: 'idle-1', updatedAt: 1000 };
      await writeStore({ [idle]: row });
      const held = live.model.hold('think about it');
      const idempotencyKey = randomUUID();
      await live.client.call('agent', { sessionKey: KEY, message: 'think about it', idempotencyKey });
      const found = (await readRows(live.home))[KEY] as Row | undefined;
      expect((await storeOf().active()).map(({ sessionKey }) => sessionKey)).toEqual(
        found === undefined ? [] : [KEY],
      );
      await held.asked;
      const running = (await readRows(live.home))[KEY] as Row;
      const generations = [
        generationOf(KEY, running),
        generationOf(idle, row, { ...TOMBSTONE, sessionId: 't2' }),
      ];
      await putGenerations(...generations);
      const outcomes = await storeOf().commit(generations.map(archiving));
      expect(outcomes).toEqual(
        new Map([
          [KEY, 'active'],
          [idle, 'committed'],
        ]),
      );
      expect((await storeOf().active()).map(({ sessionKey }) => sessionKey)).toEqual([KEY]);
      held.release();
      await waitUntilIdle();
    });

    test('that changes nothing does not touch the file', async () => {
      const generation = generationOf(KEY, { sessionId: 'a', updatedAt: 1 });
      await putGenerations(generation);
      await writeStore({ [KEY]: { sessionId: 'b', updatedAt: 2 } });
      const before = await stat(path, { bigint: true });
      expect(await commitOne(archiving(generation))).toMatchObject({ outcome: 'changed' });
      const { ino, mtimeNs } = await stat(path, { bigint: true });
      expect({ ino, mtimeNs }).toEqual({ ino: before.ino, mtimeNs: before.mtimeNs });
    });

    test.each([
      ['__proto__', '__proto__'],
      ['constructor', 'constructor'],
      ['control characters', 'agent:main:slack:channel:c\u0000\u001b[2J\n../../etc'],
      ['10 kB', `agent:main:slack:channel:${'c'.repeat(10_000)}`],
    ])('takes a hostile session key (%s) for a key and nothing else', async (_what, key) => {
      const row = { sessionId: 'hostile', updatedAt: 5 };
      const generation = generationOf(key, row);
      await putGenerations(generation);
      await writeFile(path, `{${JSON.stringify(key)}:${JSON.stringify(row)},"agent:main:b":{"updatedAt":6}}`);
      expect(await commitOne(archiving(generation))).toMatchObject({ outcome: 'committed' });
      const found = JSON.parse(await readFile(path, 'utf8')) as object;
      expect(Object.keys(found).sort()).toEqual([key, 'agent:main:b'].sort());
      expect(Object.getOwnPropertyDescriptor(found, key)?.value).toEqual(TOMBSTONE);
    });
  });

  describe('refuses', () => {
    const row: Row = { sessionId: 'kept', updatedAt: 5, label: 'ops' };
    let generation: ArchivedRow;

    beforeAll(async () => {
      generation = generationOf(KEY, row);
      await putGenerations(generation);
    });

    const unchanged = async (attempt: Promise<unknown>) => {
      const result = await attempt;
      expect(await readRows(live.home)).toEqual({ [KEY]: row });
      return result;
    };

    test.each<[string, (change: RowChange) => RowChange, RegExp]>([
      [
        'a generation that the archive does not hold',
        (c) => ({ ...c, archiveId: `${c.archiveId}9` }),
        /no such generation/,
      ],
      [
        'an archive id that is a path',
        (c) => ({ ...c, archiveId: '../../etc/passwd' }),
        /no such generation/,
      ],
      [
        'another tombstone than the archived one',
        (c) => ({ ...c, replaceWith: { ...TOMBSTONE, to: 'C1' } }),
        /neither the tombstone/,
      ],
      [
        'a row that goes though the archive has a tombstone for it',
        (c) => ({ ...c, replaceWith: null }),
        /not the archived tombstone/,
      ],
      [
        'a session id that is no file name',
        (c) => ({ ...c, replaceWith: { sessionId: '../x' } }),
        /session id/,
      ],
      [
        'a restored row with a field of nobody',
        (c) => ({ ...c, replaceWith: { ...row, execHost: 'evil' } }),
        /execHost/,
      ],
      [
        'a restored row with another value',
        (c) => ({ ...c, replaceWith: { ...row, label: 'evil' } }),
        /label/,
      ],
    ])('%s', async (_what, forge, reason) => {
      await writeStore({ [KEY]: row });
      const outcome = await unchanged(commitOne(forge(archiving(generation))));
      expect(outcome).toMatchObject({ outcome: 'rejected', reason: expect.stringMatching(reason) });
    });

    test('a row of another key than the archived one', async () => {
      const other = 'agent:main:slack:channel:c0other';
      await writeStore({ [KEY]: row });
      const outcome = await unchanged(commitOne({ ...archiving(generation), sessionKey: other }));
      expect(outcome).toMatchObject({
        outcome: 'rejected',
        reason: expect.stringMatching(/another session key/),
      });
    });

    test('a generation that was archived from another store', async () => {
      const foreign = generationOf(KEY, row);
      await live.putManifest(manifestOfRows([foreign], 'other'));
      await writeStore({ [KEY]: row });
      const outcome = await unchanged(commitOne(archiving(foreign)));
      expect(outcome).toMatchObject({ outcome: 'rejected', reason: expect.stringMatching(/another store/) });
    });

    test.each(['other', '../../main', '/etc', 'MAIN'])(
      'the store %j, which it does not have',
      async (storeId) => {
        await writeStore({ [KEY]: row });
        await unchanged(
          expect(commitOne(archiving(generation), storeId)).rejects.toMatchObject({
            code: expect.stringMatching(/^(no-session-store|gateway-protocol)$/),
          }),
        );
      },
    );

    test('a caller without the admin scope, or with a wrong token', async () => {
      const reader = await connectAsReader(live.port);
      try {
        await expect(reader.call('clawback.commit')).rejects.toThrow(/missing scope: operator.admin/);
        await expect(reader.call('clawback.active')).rejects.toThrow(/missing scope: operator.admin/);
      } finally {
        reader.close();
      }
      const url = `ws://127.0.0.1:${live.port}`;
      const wrong = GatewayClient.connect({ url, auth: { token: 'wrong' } });
      await expect(wrong).rejects.toMatchObject({
        code: 'gateway-denied',
        hint: expect.stringMatching(/gateway\.auth/),
      });
      await expect(live.client.call('clawback.nonsense', {})).rejects.toMatchObject({
        code: 'gateway-no-plugin',
      });
    });

    test('anything else than a request of the agreed shape', async () => {
      await writeStore({ [KEY]: row });
      const change = archiving(generation);
      const request = commitRequest('main', [change]);
      for (const forged of [
        {},
        { ...request, version: 2 },
        { ...request, path: '/etc/passwd' },
        { ...request, changes: [change, change] },
        { ...request, changes: [{ ...change, expectSha256: 'x' }] },
        { ...request, changes: [{ ...change, replaceWith: [] }] },
      ]) {
        await unchanged(expect(commitRaw(live, forged)).rejects.toMatchObject({ code: 'gateway-protocol' }));
      }
    });
  });

  test('the connection works with the ws package as with the WebSocket of Node', async () => {
    const { WebSocket: webSocket } = await import('ws');
    const url = `ws://127.0.0.1:${live.port}`;
    const client = await GatewayClient.connect({ url, auth: { token: GATEWAY_TOKEN }, webSocket });
    try {
      expect(await new GatewaySessionStore(client, { id: 'main', path }).active()).toEqual([]);
    } finally {
      client.close();
    }
  });
});

/** An operator that may read only: what our own client never is. */
async function connectAsReader(
  port: number,
): Promise<{ call(method: string): Promise<unknown>; close(): void }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  const waiting: ((frame: { type: string; ok?: boolean; error?: { message: string } }) => void)[] = [];
  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(String(data)) as { type: string; event?: string };
    if (frame.type === 'res' || frame.event === 'connect.challenge') waiting.shift()?.(frame);
  });
  const next = () => new Promise<{ ok?: boolean; error?: { message: string } }>((done) => waiting.push(done));
  const request = async (method: string, params: object) => {
    const reply = next();
    socket.send(JSON.stringify({ type: 'req', id: randomUUID(), method, params }));
    const { ok, error } = await reply;
    if (ok !== true) throw new Error(error?.message);
  };
  await next();
  await request('connect', {
    minProtocol: 4,
    maxProtocol: 4,
    client: { id: 'gateway-client', version: '0', platform: 'test', mode: 'backend' },
    role: 'operator',
    scopes: ['operator.read'],
    auth: { token: GATEWAY_TOKEN },
  });
  return { call: (method) => request(method, {}), close: () => socket.close() };
}
