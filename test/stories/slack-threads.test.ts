import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import type { Blocker, SyntheticSession, SyntheticStore } from '../../src/demo/synthetic-store.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import type { ArchiveJson, ListJson } from './support/answers.ts';
import { DAY_MS, Home, type Settings } from './support/home.ts';
import { routingOf } from './support/rooms.ts';
import { archiveFingerprint, fingerprint, pick, readTree, type Tree } from './support/tree.ts';

const TRIM = { retention: { protectedPruneAfter: '7d', orphanPruneAfter: 'off' } };

/** What a planted blocker must be called in the report. */
const REASONS: Readonly<Record<Blocker, string>> = {
  running: 'running',
  pendingFinalDelivery: 'pending-delivery',
  acp: 'acp',
  quotaSuspension: 'quota-suspended',
  abortedLastRun: 'aborted-run',
  'codex-app-server': 'codex-bound',
  'task-run': 'running-task',
  'delivery-queue': 'delivery-queued',
  binding: 'bound',
  'shared-session': 'shared-session',
  'subagent-child': 'active-child',
};

/** Kinds of loose files that are never archived, however old. */
const OPENCLAWS_OWN = new Set(['store-temp', 'store-backup', 'usage-cache']);

async function slackHome(
  settings: Settings,
  shape: { readonly orphans?: boolean; readonly variants?: boolean; readonly countScale?: number } = {},
): Promise<{ home: Home; store: SyntheticStore }> {
  const home = await Home.create({ settings });
  const store = await writeSlackStore({
    stateDir: home.stateDir,
    nowMs: home.nowMs,
    sizeScale: 0.01,
    ...shape,
  });
  return { home, store };
}

function isOld({ ageMs }: SyntheticSession): boolean {
  return ageMs > 7 * DAY_MS;
}

/** The sessions that `protectedPruneAfter: 7d` must trim. */
function oldIdle({ sessions }: SyntheticStore): readonly SyntheticSession[] {
  return sessions.filter((session) => isOld(session) && session.blocker === undefined);
}

describe('584 protected rows with the default settings', () => {
  let home: Home;
  let store: SyntheticStore;
  let text: string;
  let before: Tree;
  let json: ArchiveJson;

  beforeAll(async () => {
    ({ home, store } = await slackHome({}));
    text = await home.storeText();
    before = await readTree(store.sessionsDir);
    json = await home.json<ArchiveJson>('archive', '--verbose');
  });

  test('no row is touched: the protection of today holds', async () => {
    expect(json.planned).toMatchObject({
      rows: 584,
      protectedRows: 584,
      selectedRows: 0,
      keptByReason: { 'protected-off': 584 },
    });
    expect(await home.storeText()).toBe(text);
  });

  test('no file of a row is touched; what no row references goes after seven days', async () => {
    const gone = store.orphans
      .filter(({ kind, ageMs }) => ageMs >= 7 * DAY_MS && !OPENCLAWS_OWN.has(kind))
      .map(({ name }) => name);
    expect(gone.length).toBeGreaterThan(500);
    const left = Object.keys(before).filter((name) => !gone.includes(name));
    expect(await readTree(store.sessionsDir)).toEqual(pick(before, left));
    expect(json.done).toMatchObject({ filesArchived: gone.length, filesReclaimed: gone.length });
    const files = json.plan.flatMap(({ selected }) => selected.flatMap((one) => one.files));
    expect(files.map(({ name }) => name).sort()).toEqual(gone.sort());
  });

  test('a second run does nothing', async () => {
    const local = await fingerprint(store.sessionsDir);
    const archive = await archiveFingerprint(home.archiveDir);
    await home.json('archive');
    expect(await fingerprint(store.sessionsDir)).toEqual(local);
    expect(await archiveFingerprint(home.archiveDir)).toEqual(archive);
  });
});

test('with retention.orphanPruneAfter: off nothing at all happens to protected rows', async () => {
  const { home, store } = await slackHome({ retention: { orphanPruneAfter: 'off' } });
  const before = await fingerprint(store.sessionsDir);
  const json = await home.json<ArchiveJson>('archive');
  expect(json.planned).toMatchObject({ rows: 584, selectedRows: 0, selectedFiles: 0 });
  expect(await fingerprint(store.sessionsDir)).toEqual(before);
  expect(await home.conversationObjects()).toEqual({});
});

describe('584 protected rows with protectedPruneAfter: 7d', () => {
  let home: Home;
  let store: SyntheticStore;
  let rows: Readonly<Record<string, Row>>;
  let files: Tree;
  let json: ArchiveJson;
  let now: Readonly<Record<string, Row>>;

  beforeAll(async () => {
    ({ home, store } = await slackHome(TRIM));
    rows = await home.rows();
    files = await readTree(store.sessionsDir);
    json = await home.json<ArchiveJson>('archive', '--verbose');
    now = await home.rows();
  });

  test('exactly the old idle ones are trimmed', () => {
    const trimmed = oldIdle(store).map(({ sessionKey }) => sessionKey);
    const isTrimmed = (key: string) => now[key]?.clawback !== undefined;
    expect(Object.keys(now).filter(isTrimmed).sort()).toEqual(trimmed.toSorted());
    expect(json.done).toMatchObject({ protectedRowsTrimmed: trimmed.length, modelRunRowsRemoved: 0 });
    // The report has 122 rows older than a week; the fixture plants 13 blockers among them.
    expect(store.sessions.filter(isOld)).toHaveLength(122);
    expect(trimmed.length).toBe(122 - store.sessions.filter(({ blocker }) => blocker !== undefined).length);
  });

  test('no row is lost, and the order of the rows is kept', () => {
    expect(Object.keys(now)).toEqual(Object.keys(rows));
  });

  test('every other row is what it was, byte for byte', async () => {
    const expected = Object.fromEntries(
      Object.entries(rows).map(([key, row]) => [key, now[key]?.clawback === undefined ? row : now[key]]),
    );
    expect(await home.storeText()).toBe(JSON.stringify(expected, null, 2));
  });

  test('every blocker is kept with its own reason', () => {
    const planted = store.sessions.filter(({ blocker }) => blocker !== undefined);
    expect(planted.length).toBeGreaterThanOrEqual(12);
    const kept = new Map(json.plan[0]?.kept.map(({ sessionKey, reason }) => [sessionKey, reason]));
    expect(planted.map(({ sessionKey }) => kept.get(sessionKey))).toEqual(
      planted.map(({ blocker = 'running' }) => REASONS[blocker]),
    );
  });

  test('every routing field of a trimmed row is what it was', () => {
    for (const { sessionKey } of oldIdle(store)) {
      const routing = routingOf(now[sessionKey]);
      expect(routing).toEqual(routingOf(rows[sessionKey]));
      expect(Object.keys(routing).length).toBeGreaterThan(6);
    }
  });

  test('a tombstone has the documented shape', async () => {
    const { sessions } = await home.json<ListJson>('list');
    const archiveIds = new Map(sessions.map(({ sessionKey, archiveId }) => [sessionKey, archiveId]));
    for (const { sessionKey, sessionId: oldId } of oldIdle(store)) {
      const { sessionId, usageFamilySessionIds, ...tombstone } = now[sessionKey] as Row;
      expect(sessionId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(sessionId).not.toBe(oldId);
      const family = (rows[sessionKey]?.usageFamilySessionIds ?? []) as string[];
      expect(usageFamilySessionIds).toEqual([...new Set([...family, oldId])]);
      expect(tombstone).toMatchObject({
        updatedAt: 0,
        sessionFile: `${sessionId}.jsonl`,
        clawback: { v: 1, archiveId: archiveIds.get(sessionKey), sessionId },
      });
      // OpenClaw 2026.7.1 refuses every turn of a row with `archivedAt`; heavy fields are what costs.
      for (const field of [
        'archivedAt',
        'pinnedAt',
        'status',
        'skillsSnapshot',
        'systemPromptReport',
        'compactionCheckpoints',
        'sessionStartedAt',
        'totalTokens',
      ]) {
        expect(tombstone).not.toHaveProperty(field);
      }
      expect(JSON.stringify(now[sessionKey]).length).toBeLessThan(4_000);
    }
  });

  test('each tombstone has a stub transcript of one message, and no other file', async () => {
    const gone = oldIdle(store).flatMap((session) => [...session.files]);
    const left = Object.keys(files).filter((name) => !gone.includes(name) && name !== 'sessions.json');
    const { 'sessions.json': _store, ...tree } = await readTree(store.sessionsDir);
    const stubs = oldIdle(store).map(({ sessionKey }) => String(now[sessionKey]?.sessionFile));
    expect(Object.keys(tree).sort()).toEqual([...left, ...stubs].sort());
    expect(pick(tree, left)).toEqual(pick(files, left));
    for (const name of stubs) {
      const lines = (await readFile(join(store.sessionsDir, name), 'utf8')).trimEnd().split('\n');
      const [header, message] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(lines).toHaveLength(2);
      expect(header).toMatchObject({ type: 'session', id: name.replace('.jsonl', '') });
      expect(message).toMatchObject({ type: 'message', message: { role: 'user' } });
    }
  });

  test('sessions.json has lost most of what the trimmed rows weighed', async () => {
    const trimmed = Object.fromEntries(
      oldIdle(store).map(({ sessionKey }) => [sessionKey, rows[sessionKey]]),
    );
    const before = JSON.stringify(rows, null, 2).length;
    const saved = before - (await home.storeText()).length;
    expect(saved).toBeGreaterThan(0.6 * JSON.stringify(trimmed, null, 2).length);
  });

  test('a second run does nothing, and calls the tombstones what they are', async () => {
    const local = await fingerprint(store.sessionsDir);
    const archive = await archiveFingerprint(home.archiveDir);
    const again = await home.json<ArchiveJson>('archive');
    expect(again.planned).toMatchObject({
      selectedRows: 0,
      selectedFiles: 0,
      keptByReason: { tombstone: oldIdle(store).length },
    });
    expect(await fingerprint(store.sessionsDir)).toEqual(local);
    expect(await archiveFingerprint(home.archiveDir)).toEqual(archive);
  });
});

test('a shared session id and an unfinished subagent keep their rows too', async () => {
  const { home, store } = await slackHome(TRIM, { orphans: false, variants: true });
  const json = await home.json<ArchiveJson>('archive', '--dry-run');
  const kept = new Map(json.plan[0]?.kept.map(({ sessionKey, reason }) => [sessionKey, reason]));
  const planted = store.sessions.filter(
    ({ blocker }) => blocker === 'shared-session' || blocker === 'subagent-child',
  );
  expect(planted).toHaveLength(3);
  expect(planted.map(({ sessionKey }) => kept.get(sessionKey)).sort()).toEqual([
    'active-child',
    'shared-session',
    'shared-session',
  ]);
});

test('with tombstone.stub: false a tombstone names no file and leaves none', async () => {
  const { home, store } = await slackHome(
    { ...TRIM, tombstone: { stub: false } },
    { orphans: false, countScale: 0.1 },
  );
  const before = await readTree(store.sessionsDir);
  await home.json('archive');
  const now = await home.rows();
  for (const { sessionKey } of oldIdle(store)) {
    expect(now[sessionKey]).toHaveProperty('clawback');
    expect(now[sessionKey]).not.toHaveProperty('sessionFile');
  }
  const gone = oldIdle(store).flatMap(({ files }) => files);
  expect(Object.keys(await readTree(store.sessionsDir)).sort()).toEqual(
    Object.keys(before).filter((name) => !gone.includes(name)),
  );
});

describe('the dry run', () => {
  test('selects and keeps exactly what the run does, and changes nothing', async () => {
    const { home } = await slackHome({ retention: { protectedPruneAfter: '7d' } }, { countScale: 0.3 });
    const before = await fingerprint(home.root);
    const dry = await home.json<ArchiveJson>('archive', '--dry-run');
    expect(await fingerprint(home.root)).toEqual(before);
    const run = await home.json<ArchiveJson>('archive', '--verbose');
    expect(dry.planned.selectedRows).toBeGreaterThan(20);
    expect(dry.planned).toEqual(run.planned);
    expect(dry.plan).toEqual(run.plan);
    expect(run.done).toMatchObject({
      protectedRowsTrimmed: dry.planned.selectedRows,
      filesArchived: dry.planned.selectedFiles,
      filesReclaimed: dry.planned.selectedFiles,
    });
    const { sessions } = await home.json<ListJson>('list');
    expect(sessions.map(({ sessionId }) => sessionId).sort()).toEqual(
      dry.plan.flatMap(({ selected }) => selected.map(({ sessionId }) => String(sessionId))).sort(),
    );
  });

  test('prints every row with what becomes of it and why', async () => {
    const { home, store } = await slackHome(TRIM, { orphans: false, countScale: 0.1 });
    const { text } = (await home.clawback('archive', '--dry-run')).expect(0);
    const lines = text.split('\n');
    for (const session of store.sessions) {
      const line = lines.find((one) => one.includes(`${session.sessionKey} `)) ?? '';
      const isTrimmed = oldIdle(store).includes(session);
      expect(line.trim().split(/\s+/)[0]).toBe(isTrimmed ? 'trim' : 'keep');
    }
    expect(text).toContain('protected conversation older than retention.protectedPruneAfter');
  });
});
