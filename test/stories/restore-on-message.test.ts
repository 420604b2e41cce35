import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { restoreOnMessage } from '../../src/plugin/restore-on-message.ts';
import { StoreLock } from '../../src/state/store-lock.ts';
import { FakeGateway } from '../support/fake-gateway.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { DAY_MS } from './support/home.ts';
import { readFileState } from './support/tree.ts';
import { TRIM, type TrimmedHome, trimmedHome } from './support/trimmed.ts';

interface Messaged extends TrimmedHome {
  readonly gateway: FakeGateway;
}

/** An archived thread, last used nine days ago, in a gateway with the plugin. */
async function archivedThread(restore: object = { onMessage: '90d' }): Promise<Messaged> {
  const trimmed = await trimmedHome({ nowMs: Date.now(), settings: { ...TRIM, restore } });
  const gateway = new FakeGateway(trimmed.home.stateDir, trimmed.home.storePath());
  restoreOnMessage(gateway.api);
  return { ...trimmed, gateway };
}

/** A promise that is kept when the test says so. */
function gate(): { readonly closed: Promise<void>; open(): void } {
  let open = () => {};
  const closed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { closed, open: () => open() };
}

/** What the message must not have left behind when it brought nothing back. */
async function expectStillArchived({ home, key, transcript, gateway }: Messaged): Promise<void> {
  expect(gateway.rows()[key]).toMatchObject({ updatedAt: 0, clawback: { v: 1 } });
  expect(existsSync(transcript)).toBe(false);
  const left = (await readdir(home.sessionsDir())).filter((name) => name.startsWith('.clawback'));
  expect(left).toEqual([]);
}

test('a message to an archived thread finds its transcript and row back, as --resume leaves them', async () => {
  const { gateway, key, row, transcript, state } = await archivedThread();
  const beforeMs = Date.now();
  await gateway.message(key);

  expect(await readFileState(transcript)).toEqual(state);
  const { updatedAt, sessionStartedAt, lastInteractionAt, ...restored } = gateway.rows()[key] ?? {};
  const { updatedAt: _updated, sessionStartedAt: _started, lastInteractionAt: _last, ...before } = row;
  expect(restored).toEqual(before);
  for (const dateMs of [updatedAt, sessionStartedAt, lastInteractionAt]) {
    expect(dateMs).toBeGreaterThanOrEqual(beforeMs);
  }
  expect(gateway.log).toEqual([
    expect.stringMatching(/^info: clawback: brought back agent:main:slack:.* files in \d+ ms$/),
  ]);
});

test('it is off until restore.onMessage is set', async () => {
  const archived = await archivedThread({});
  await archived.gateway.message(archived.key);
  await expectStillArchived(archived);
  expect(archived.gateway.log).toEqual([]);
});

test('what the message has written into the row stays: its routing is newer than the archive', async () => {
  const { gateway, key } = await archivedThread();
  await gateway.update((rows) => Object.assign(rows[key] ?? {}, { lastTo: 'channel:C0MOVED' }));
  await gateway.message(key);
  expect(gateway.rows()[key]).toMatchObject({ lastTo: 'channel:C0MOVED' });
  expect(gateway.rows()[key]).not.toHaveProperty('clawback');
});

test('what is forgotten does not come back by itself, and the log says why', async () => {
  const archived = await archivedThread();
  const { home, key, gateway } = archived;
  await home.json('forget', key, '--yes');
  await gateway.message(key);
  await expectStillArchived(archived);
  expect(gateway.log).toEqual([expect.stringMatching(/^info: clawback: left .* it is forgotten/)]);
});

test('a conversation that is in use costs one look at its row', async () => {
  const { gateway, key, home } = await archivedThread();
  const busy = Object.keys(gateway.rows()).find((one) => one !== key) ?? '';
  await rm(home.archiveDir, { recursive: true });
  await gateway.message(busy);
  expect([gateway.saves, gateway.log]).toEqual([0, []]);
});

test('a thread older than restore.onMessage stays in the archive, with a line in the log', async () => {
  const archived = await archivedThread({ onMessage: '8d' });
  await archived.gateway.message(archived.key);
  await expectStillArchived(archived);
  expect(archived.gateway.log).toEqual([
    expect.stringContaining('its last activity was 9 days ago, longer than restore.onMessage'),
  ]);
});

test('an archive that is gone lets the message be answered without its history, and is asked only once', async () => {
  const archived = await archivedThread();
  await rm(archived.home.archiveDir, { recursive: true });
  await archived.gateway.message(archived.key);
  await archived.gateway.message(archived.key);
  await expectStillArchived(archived);
  expect(archived.gateway.log).toEqual([
    expect.stringContaining('is answered without its archived messages: '),
  ]);
});

test('a deadline that strikes while the writer queue is busy leaves nothing to be committed afterwards', async () => {
  const archived = await archivedThread({ onMessage: '90d', deadline: '300ms' });
  const { gateway, key } = archived;
  const queue = gate();
  gateway.beforeRun = queue.closed;
  await gateway.message(key);
  expect(gateway.log).toEqual([expect.stringContaining('not back after 300 ms (restore.deadline)')]);

  queue.open();
  // Behind the late change in the queue.
  await gateway.update(() => {});
  expect(gateway.saves).toBe(1);
  await vi.waitFor(() => expectStillArchived(archived), 5_000);
  expect(gateway.log).toHaveLength(1);
});

test('past the point of no return the turn waits for the row to be written, however long that takes', async () => {
  const { gateway, key, transcript } = await archivedThread({ onMessage: '90d', deadline: '5s' });
  const save = gate();
  gateway.beforeSave = save.closed;
  let hasBegun = false;
  const turn = gateway.message(key).then(() => {
    hasBegun = true;
  });
  await delay(5_500);
  expect(hasBegun).toBe(false);
  save.open();
  await turn;
  expect(existsSync(transcript)).toBe(true);
  expect(gateway.rows()[key]).not.toHaveProperty('clawback');
  expect(gateway.log).toEqual([expect.stringContaining('brought back')]);
});

test('two messages at once restore once, and both wait for it', async () => {
  const { gateway, key } = await archivedThread();
  await Promise.all([gateway.message(key), gateway.message(key)]);
  expect(gateway.saves).toBe(1);
  expect(gateway.log).toEqual([expect.stringContaining('brought back')]);
});

test('a second message waits until the turn of the first has taken over the session that came back', async () => {
  const { gateway, key } = await archivedThread();
  const registry = Symbol.for('openclaw.replyRunRegistry');
  // As OpenClaw registers the reply to the first message, before it has loaded the session.
  const reply = { sessionId: gateway.rows()[key]?.sessionId };
  Reflect.set(globalThis, registry, { activeRunsByKey: new Map([[key, reply]]) });
  onTestFinished(() => void Reflect.deleteProperty(globalThis, registry));

  let hasSecondBegun = false;
  const first = gateway.message(key);
  const second = gateway.message(key).then(() => {
    hasSecondBegun = true;
  });
  await first;
  let hasThirdBegun = false;
  const third = gateway.message(key).then(() => {
    hasThirdBegun = true;
  });
  await delay(100);
  expect([hasSecondBegun, hasThirdBegun]).toEqual([false, false]);
  reply.sessionId = gateway.rows()[key]?.sessionId;
  await Promise.all([second, third]);
});

test('while a run of clawback holds the store, the message waits for it until its deadline and no longer', async () => {
  const archived = await archivedThread({ onMessage: '90d', deadline: '500ms' });
  const { gateway, key, home } = archived;
  const lock = await StoreLock.acquire(home.sessionsDir(), 'clawback archive', Date.now());
  const startedMs = performance.now();
  await gateway.message(key);
  expect(performance.now() - startedMs).toBeLessThan(20_000);
  await lock.release();
  await vi.waitFor(() => expectStillArchived(archived), 5_000);
  expect(gateway.log).toEqual([
    expect.stringMatching(/not back after 500 ms .*: lock the store: held by clawback archive, process \d+/),
  ]);
});

test('a turn that another road has begun on the tombstone keeps its session', async () => {
  const archived = await archivedThread();
  const registry = Symbol.for('openclaw.embeddedRunState');
  // As OpenClaw registers a turn of the agent method.
  Reflect.set(globalThis, registry, { sessionIdsByKey: new Map([[archived.key, 'tombstone']]) });
  onTestFinished(() => void Reflect.deleteProperty(globalThis, registry));
  await archived.gateway.message(archived.key);
  await expectStillArchived(archived);
  expect(archived.gateway.log).toEqual([
    expect.stringContaining('the gateway works on this conversation now'),
  ]);
});

test('a run that ends in time lets the message have its thread', async () => {
  const { gateway, key, home } = await archivedThread();
  const lock = await StoreLock.acquire(home.sessionsDir(), 'clawback archive', Date.now());
  const turn = gateway.message(key);
  await delay(250);
  expect(gateway.saves).toBe(0);
  await lock.release();
  await turn;
  expect(gateway.rows()[key]).not.toHaveProperty('clawback');
});

test('a thread whose row is gone comes back with its settings; a new one is left alone', async () => {
  const { gateway, key, row, transcript, state } = await archivedThread();
  await gateway.update((rows) => {
    // What a message makes of a conversation without a row.
    rows[key] = {
      sessionId: 'fresh',
      updatedAt: Date.now(),
      sessionStartedAt: Date.now(),
      lastTo: 'channel:C0NEW',
    };
    rows['agent:main:slack:channel:c0other'] = { sessionId: 'other', updatedAt: Date.now() };
  });
  await gateway.message('agent:main:slack:channel:c0other');
  await gateway.message(key);
  expect(await readFileState(transcript)).toEqual(state);
  expect(gateway.rows()[key]).toMatchObject({
    sessionId: row.sessionId,
    lastTo: 'channel:C0NEW',
    chatType: 'channel',
  });
  expect(gateway.rows()[key]?.usageFamilySessionIds).toEqual(row.usageFamilySessionIds);
  expect(gateway.rows()['agent:main:slack:channel:c0other']).toMatchObject({ sessionId: 'other' });
});

test('a mark that names the archive of another conversation brings nothing back', async () => {
  const archived = await archivedThread();
  const { gateway, key, home } = archived;
  const other = 'agent:main:slack:channel:c0thief';
  const tombstone = gateway.rows()[key] ?? {};
  await gateway.update((rows) => {
    rows[other] = { ...tombstone };
  });
  const before = await home.storeText();
  await gateway.message(other);
  expect(await home.storeText()).toBe(before);
  await expectStillArchived(archived);
  expect(gateway.log).toEqual([expect.stringContaining("it is not this conversation's")]);
});

test('what came back is not archived again by the next run', async () => {
  const { gateway, key, home } = await archivedThread();
  await gateway.message(key);
  home.nowMs += DAY_MS;
  await home.json('archive');
  expect(gateway.rows()[key]).not.toHaveProperty('clawback');
});

/** A gateway of its own process, in which a part of the plugin cannot be loaded for the first message to `argv[2]`. */
const TWO_MESSAGES = `
import { renameSync } from 'node:fs';
import { restoreOnMessage } from './dist/src/plugin/restore-on-message.js';
const part = './dist/src/plugin/message-restore.js';
const log = [];
let message;
restoreOnMessage({
  logger: { info: (line) => log.push(line), warn: (line) => log.push(line) },
  runtime: {
    config: { current: () => ({}) },
    state: { resolveStateDir: () => process.argv[2] },
    agent: { session: { getSessionEntry: () => undefined, resolveStorePath: () => process.argv[3] } },
  },
  on: (_name, handler) => { message = handler; },
});
const sessionKey = 'agent:main:slack:channel:c0new';
renameSync(part, part + '.away');
await message({ sessionKey });
renameSync(part + '.away', part);
await message({ sessionKey });
console.log(JSON.stringify(log));
`;

test('what could not be loaded for one message is loaded for the next', async () => {
  const { home } = await archivedThread();
  const folder = await temporaryFolder();
  const ours = fileURLToPath(new URL('../..', import.meta.url));
  await cp(join(ours, 'dist'), join(folder, 'dist'), { recursive: true });
  await cp(join(ours, 'package.json'), join(folder, 'package.json'));
  await symlink(join(ours, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'gateway.js'), TWO_MESSAGES);
  const args = [join(folder, 'gateway.js'), home.stateDir, home.storePath()];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  // The archive has no such conversation, so that the second message is none of ours, and no word is said of it.
  expect(JSON.parse(stdout)).toEqual([expect.stringContaining('Cannot find module')]);
});
