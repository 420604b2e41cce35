import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../support/run-cli.ts';
import { clawbackJson, configureClawback } from './support/clawback.ts';
import { startGateway } from './support/gateway.ts';
import { type OpenClawHome, readRows, type SessionRows, writeRows } from './support/home.ts';
import { type OwnStore, sendMessage, writeOwnStore } from './support/own-store.ts';
import { installOpenClaw, type OpenClawRelease } from './support/release.ts';
import { ageSessions } from './support/sessions-state.ts';
import { type DeliveryTarget, recordSlackInbound, resolveDelivery } from './support/slack.ts';

const DAY_MS = 86_400_000;
const SETTINGS = { thinkingLevel: 'high', label: 'ops' };

interface ArchiveJson {
  readonly done: { readonly protectedRowsTrimmed: number; readonly tombstonesRemoved: number };
  readonly tombstonesKept: readonly unknown[];
}

/** Tombstones that were made under one release and removed a month later under a newer one. */
describe.each([
  ['2026.5.28', '2026.5.28'],
  ['2026.5.28', '2026.6.11'],
  ['2026.5.28', '2026.7.35'],
])('tombstones made under openclaw@%s and removed under openclaw@%s', (older, newer) => {
  let release: OpenClawRelease;
  let store: OwnStore;
  let home: OpenClawHome;
  let keys: string[];
  let before: SessionRows;
  let targets: Record<string, DeliveryTarget>;
  let archived: SessionRows;
  const inAMonthMs = Date.now() + 31 * DAY_MS;

  async function clawbackInAMonth<T>(...argv: string[]): Promise<T> {
    return (await runCli([...argv, '--json'], { env: home.env, nowMs: inAMonthMs })).expect(0).json<T>();
  }

  beforeAll(async () => {
    release = await installOpenClaw(newer);
    store = await writeOwnStore(await installOpenClaw(older));
    home = store.home;
    keys = [store.channel, ...store.threads].map(({ sessionKey }) => sessionKey);
    await ageSessions(home, 2 * DAY_MS);
    const rows = await readRows(home);
    before = Object.fromEntries(
      Object.entries(rows).map(([key, row]) => [key, keys.includes(key) ? { ...row, ...SETTINGS } : row]),
    );
    await writeRows(home, before);
    await configureClawback(home, { protectedPruneAfter: '1d', protectedRemoveAfter: '30d' });
    const { done } = await clawbackJson<ArchiveJson>(home, ['archive']);
    expect(done).toMatchObject({ protectedRowsTrimmed: 3, tombstonesRemoved: 0 });
    archived = await readRows(home);
    targets = await resolveDelivery(release, home, keys);
  });

  afterAll(() => store?.remove());

  test('a turn of another session rewrites the store; at most the name of their stub is spelt out', async () => {
    const gateway = await startGateway(release, home);
    try {
      await sendMessage(release, home, 'agent:main:main', 'anything new?');
    } finally {
      await gateway.stop();
    }
    const rows = await readRows(home);
    expect(rows['agent:main:main']).not.toEqual(archived['agent:main:main']);
    for (const key of keys) {
      const { sessionFile, ...row } = rows[key] ?? {};
      expect({ ...row, sessionFile: basename(String(sessionFile)) }).toEqual(archived[key]);
    }
  });

  test('a month after the archiving their rows go', async () => {
    const { done, tombstonesKept } = await clawbackInAMonth<ArchiveJson>('archive');
    expect([done.tombstonesRemoved, tombstonesKept]).toEqual([3, []]);
    const rows = await readRows(home);
    for (const key of keys) expect(rows).not.toHaveProperty([key]);
  });

  test('then OpenClaw has no address for them any more', async () => {
    const now = await resolveDelivery(release, home, keys);
    for (const key of keys) {
      expect(targets[key]?.deliveryContext, key).toBeDefined();
      expect(now[key]?.deliveryContext, key).toBeUndefined();
    }
  });

  test('the next message makes a row with the old routing and without the settings', async () => {
    const [thread] = store.threads;
    if (thread === undefined) throw new Error('the store has no thread');
    await recordSlackInbound(release, home, [thread]);
    const row = (await readRows(home))[thread.sessionKey];
    expect(row).toBeDefined();
    for (const field of Object.keys(SETTINGS)) expect(row).not.toHaveProperty(field);
    expect(await resolveDelivery(release, home, [thread.sessionKey])).toEqual({
      [thread.sessionKey]: targets[thread.sessionKey],
    });
  });

  test('restore brings settings, routing and transcript back, with a new row and without one', async () => {
    const [thread, other] = store.threads.map(({ sessionKey }) => sessionKey);
    await clawbackJson(home, ['restore', thread ?? '', '--resume']);
    await clawbackJson(home, ['restore', other ?? '']);
    const rows = await readRows(home);
    for (const key of [thread, other]) {
      expect(rows[key ?? '']).toMatchObject({ ...SETTINGS, sessionId: before[key ?? '']?.sessionId });
    }
    expect(await resolveDelivery(release, home, [thread ?? '', other ?? ''])).toEqual({
      [thread ?? '']: targets[thread ?? ''],
      [other ?? '']: targets[other ?? ''],
    });
    const gateway = await startGateway(release, home);
    try {
      await sendMessage(release, home, thread ?? '', 'do you remember?');
    } finally {
      await gateway.stop();
    }
    const said = store.model.requests
      .at(-1)
      ?.messages.map(({ text }) => text)
      .join('\n');
    for (const text of ['message 1 to 1700000000.000100', 'message 2 to', 'do you remember?'])
      expect(said?.includes(text), text).toBe(true);
  });
});
