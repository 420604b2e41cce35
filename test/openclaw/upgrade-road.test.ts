import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeThreadStore } from '../stories/support/rooms.ts';
import { fingerprint } from '../stories/support/tree.ts';
import { oldThread } from '../stories/support/trimmed.ts';
import { clawbackJson, configureClawback, runClawback } from './support/clawback.ts';
import { describeRun, openclawJson, runOpenClaw } from './support/cli.ts';
import { freePort, startGateway } from './support/gateway.ts';
import { createOpenClawHome, type OpenClawHome, readRows, type SessionRows } from './support/home.ts';
import { type ImportedRow, readImportedRows } from './support/imported-rows.ts';
import { installOpenClaw, type OpenClawRelease } from './support/release.ts';
import { type Shaped, shaped, writeShapedStore } from './support/tombstone-shapes.ts';

const DAY_MS = 86_400_000;
const MAIN = 'agent:main:main';
/** A live row without a session id: OpenClaw leaves such a one behind. */
const WITHOUT_ID = 'agent:main:slack:channel:c0behind';

interface CleanupJson {
  readonly beforeCount: number;
  readonly afterCount: number;
}

/** How a release comes to import the files of its predecessors. Only later ones do it when the gateway starts. */
const ROADS = [
  ['2026.8.1', 'openclaw doctor --fix'],
  ['2026.9.6', 'openclaw doctor --fix'],
  ['2026.9.6', 'openclaw gateway run'],
] as const;

/** Every shape of tombstone, with a stub transcript and without one, on its way into SQLite. */
describe.each(ROADS)('openclaw@%s, importing a store full of tombstones by `%s`', (version, road) => {
  let release: OpenClawRelease;
  let home: OpenClawHome;
  let withStub: Shaped[];
  let withoutStub: Shaped[];
  let rows: SessionRows;
  let imported: Record<string, ImportedRow>;

  beforeAll(async () => {
    release = await installOpenClaw(version);
    home = await createOpenClawHome({ gateway: await freePort(), model: await freePort() });
    [withStub, withoutStub] = [shaped(1), shaped(2)];
    const nowMs = Date.now();
    const recent = { updatedAt: nowMs - DAY_MS, sessionStartedAt: nowMs - DAY_MS };
    await writeShapedStore(
      home,
      [
        { updatedAtMs: nowMs - 90 * DAY_MS, shaped: withStub },
        { updatedAtMs: nowMs - 30 * DAY_MS, shaped: withoutStub },
      ],
      { [MAIN]: { ...recent, sessionId: 'main-session' }, [WITHOUT_ID]: { ...recent, chatType: 'channel' } },
    );
    await configureClawback(home, { protectedPruneAfter: '60d' });
    await clawbackJson(home, ['archive']);
    await configureClawback(home, { protectedPruneAfter: '7d' }, { stub: false });
    await clawbackJson(home, ['archive']);
    rows = await readRows(home);
    await importStore();
    imported = readImportedRows(home);
  });

  afterAll(() => home?.remove());

  async function importStore(): Promise<void> {
    if (road === 'openclaw gateway run') {
      await (await startGateway(release, home)).stop();
      return;
    }
    const args = ['doctor', '--fix', '--non-interactive'];
    const result = await runOpenClaw(release, home, args, 300_000);
    expect(result.exitCode, describeRun(args, result)).toBe(0);
  }

  const all = () => [...withStub, ...withoutStub];

  test('before it, every conversation is a tombstone with a session id, half of them with a stub', () => {
    for (const { sessionKey } of all())
      expect(rows[sessionKey], sessionKey).toMatchObject({
        updatedAt: 0,
        sessionId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4/),
        clawback: { v: 1 },
      });
    for (const { sessionKey } of withStub) expect(rows[sessionKey]).toHaveProperty('sessionFile');
    for (const { sessionKey } of withoutStub) expect(rows[sessionKey]).not.toHaveProperty('sessionFile');
  });

  test('keeps every one of them under its key and its session id, and finds it sound', () => {
    const found = all().map(({ sessionKey }) => [
      sessionKey,
      imported[sessionKey]?.sessionId,
      imported[sessionKey]?.valid,
    ]);
    expect(found).toEqual(all().map(({ sessionKey }) => [sessionKey, rows[sessionKey]?.sessionId, 1]));
  });

  test('leaves behind what has no session id: a shape that clawback never writes', () => {
    expect(imported[MAIN]).toBeDefined();
    expect(imported[WITHOUT_ID]).toBeUndefined();
  });

  test.each(shaped(1).map(({ shape }, index) => [shape.what, index] as const))(
    'keeps the routing of %s',
    (_what, index) => {
      for (const one of [withStub[index], withoutStub[index]]) {
        const { channel, to, accountId, threadId } = one?.address ?? {};
        const delivery = imported[one?.sessionKey ?? '']?.entry.delivery as { context?: object } | undefined;
        const context = { channel, to, accountId, ...(threadId === undefined ? {} : { threadId }) };
        expect(delivery).toMatchObject({ kind: 'external', context });
      }
    },
  );

  test('keeps settings and our mark', () => {
    for (const { sessionKey, settings } of all())
      expect(imported[sessionKey]?.entry).toMatchObject({
        ...settings,
        clawback: rows[sessionKey]?.clawback,
      });
  });

  test('lists them all, and its cleanup keeps them', async () => {
    const listed = await openclawJson<{ sessions: { key: string }[] }>(release, home, [
      'sessions',
      '--limit',
      'all',
    ]);
    const keys = listed.sessions.map(({ key }) => key);
    expect(keys).toEqual(expect.arrayContaining(all().map(({ sessionKey }) => sessionKey)));
    const cleanup = await openclawJson<CleanupJson>(release, home, ['sessions', 'cleanup', '--enforce']);
    expect(cleanup.afterCount).toBe(cleanup.beforeCount);
    expect(Object.keys(readImportedRows(home))).toEqual(
      expect.arrayContaining(all().map(({ sessionKey }) => sessionKey)),
    );
  });

  test('`clawback archive` then says that the agent has moved to SQLite, and touches nothing', async () => {
    const before = await fingerprint(join(home.stateDir, 'agents'));
    const { exitCode, stdout, stderr } = await runClawback(home, ['archive', '--json']);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ code: 'store-migrated' });
    expect(stderr).toMatch(/agent main: they have moved to SQLite/);
    expect(await fingerprint(join(home.stateDir, 'agents'))).toEqual(before);
  });

  test('`clawback archive` skips it and says so while another agent still has its files', async () => {
    const research = join(home.stateDir, 'agents', 'research', 'sessions', 'sessions.json');
    const clock = { nowMs: Date.now() } as Parameters<typeof oldThread>[0];
    await writeThreadStore(research, { research: [oldThread(clock)] });
    const { exitCode, stdout } = await runClawback(home, ['archive']);
    expect([exitCode, stdout]).toEqual([
      0,
      expect.stringMatching(/^agent main skipped: .*session-sqlite-import-archive/m),
    ]);
    expect(stdout).toContain('protected rows trimmed to routing tombstones');
    // An operator may remove the originals; then the database alone tells.
    const originals = join(home.stateDir, 'agents', 'main', 'session-sqlite-import-archive');
    await rename(originals, join(home.root, 'originals'));
    const again = await runClawback(home, ['archive']);
    expect([again.exitCode, again.stdout]).toEqual([0, expect.stringMatching(/^agent main skipped: /m)]);
  });

  test('`clawback cat` still prints what was archived before', async () => {
    for (const { sessionKey, text, shape } of [...withStub.slice(0, 2), ...withoutStub.slice(-1)]) {
      const { exitCode, stdout } = await runClawback(home, ['cat', sessionKey]);
      expect([exitCode, stdout], shape.what).toEqual([0, expect.stringContaining(text)]);
    }
  });
});
