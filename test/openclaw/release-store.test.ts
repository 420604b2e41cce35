import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runOpenClaw } from './support/cli.ts';
import { startGateway } from './support/gateway.ts';
import { type Row, readRows, type SessionRows } from './support/home.ts';
import { MODEL_RUNS, type OwnStore, writeOwnStore } from './support/own-store.ts';
import { installOpenClaw, OPENCLAW_RELEASES, type OpenClawRelease } from './support/release.ts';
import { resolveDelivery } from './support/slack.ts';

const MODEL_RUN = /^agent:main:explicit:(model-run-[0-9a-f-]{36})$/;

/** What clawback takes for granted about the store, seen in a store that the release wrote. */
describe.each(OPENCLAW_RELEASES)('the store that openclaw@%s writes', (version) => {
  let release: OpenClawRelease;
  let store: OwnStore;
  let rows: SessionRows;

  beforeAll(async () => {
    release = await installOpenClaw(version);
    store = await writeOwnStore(release);
    rows = await readRows(store.home);
  });

  afterAll(() => store?.remove());

  test(`it is OpenClaw ${version}, run by this Node`, async () => {
    const { exitCode, stdout } = await runOpenClaw(release, store.home, ['--version']);
    console.info(`${stdout.trim()} on Node ${process.version}`);
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringContaining(`OpenClaw ${version}`),
    });
  });

  test('sessions.json is 2-space JSON without a final newline, readable by its owner alone', async () => {
    const path = join(store.home.sessionsDir, 'sessions.json');
    expect(await readFile(path, 'utf8')).toBe(JSON.stringify(rows, null, 2));
    expect(await modeOf(path)).toBe('600');
  });

  test('a model run is one row whose session id repeats the key, with three files of that name', async () => {
    const found = Object.entries(rows).filter(([key]) => MODEL_RUN.test(key));
    expect(found).toHaveLength(MODEL_RUNS);
    for (const [key, row] of found) {
      const sessionId = MODEL_RUN.exec(key)?.[1];
      expect(row).toMatchObject({ sessionId, status: 'done' });
      expect(await filesOf(row)).toEqual([
        `${sessionId}.jsonl`,
        `${sessionId}.trajectory-path.json`,
        `${sessionId}.trajectory.jsonl`,
      ]);
    }
  });

  test('a Slack thread is one row whose files carry the session id and the thread', async () => {
    for (const { sessionKey, threadTs } of store.threads) {
      const row = rowOf(sessionKey);
      const base = `${String(row.sessionId)}-topic-${threadTs}`;
      expect(await filesOf(row)).toEqual([
        `${base}.jsonl`,
        `${base}.trajectory-path.json`,
        `${base}.trajectory.jsonl`,
      ]);
    }
  });

  test('sessionFile is an absolute path in the sessions folder', () => {
    for (const row of Object.values(rows)) {
      expect(dirname(String(row.sessionFile))).toBe(store.home.sessionsDir);
    }
  });

  test('a transcript starts with a version 3 header that names the session, then one entry a line', async () => {
    const row = rowOf(store.threads[0]?.sessionKey);
    const lines = (await readFile(String(row.sessionFile), 'utf8')).split('\n');
    expect(lines.pop()).toBe('');
    const entries = lines.map((line) => JSON.parse(line) as { type: string; message?: { role: string } });
    expect(entries[0]).toMatchObject({ type: 'session', version: 3, id: row.sessionId });
    expect(entries.flatMap(({ message }) => message?.role ?? [])).toEqual([
      'user',
      'assistant',
      'user',
      'assistant',
    ]);
  });

  test('its own code resolves where a thread is delivered, from the row', async () => {
    const keys = [store.channel, ...store.threads].map(({ sessionKey }) => sessionKey);
    const targets = await resolveDelivery(release, store.home, keys);
    for (const { sessionKey, channelId, threadTs } of [store.channel, ...store.threads]) {
      expect(targets[sessionKey]?.deliveryContext).toEqual({
        channel: 'slack',
        to: `channel:${channelId}`,
        accountId: 'default',
        ...(threadTs === undefined ? {} : { threadId: threadTs }),
      });
    }
  });

  test('a stopped gateway leaves every row done and no lock behind', async () => {
    expect(new Set(Object.values(rows).map((row) => row.status))).toEqual(new Set(['done']));
    expect((await readdir(store.home.sessionsDir)).filter((name) => /\.(?:lock|tmp)$/.test(name))).toEqual(
      [],
    );
    expect(await gatewayLocks(store.home.env)).toEqual([]);
  });

  test('a running gateway holds a lock file that names its config', async () => {
    const gateway = await startGateway(release, store.home);
    try {
      expect(await gatewayLocks(store.home.env)).toEqual([
        expect.objectContaining({ pid: expect.any(Number), configPath: store.home.configPath }),
      ]);
    } finally {
      await gateway.stop();
    }
    expect(await gatewayLocks(store.home.env)).toEqual([]);
  });

  function rowOf(sessionKey: string | undefined): Row {
    const row = rows[sessionKey ?? ''];
    if (row === undefined) throw new Error(`find row ${sessionKey}: not in the store`);
    return row;
  }

  async function filesOf(row: Row): Promise<string[]> {
    const base = basename(String(row.sessionFile), '.jsonl');
    return (await readdir(store.home.sessionsDir)).filter((name) => name.startsWith(`${base}.`)).sort();
  }
});

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

/** The gateway locks below the home's temporary folder. */
async function gatewayLocks(env: NodeJS.ProcessEnv): Promise<unknown[]> {
  const folder = join(env.TMPDIR ?? '', `openclaw-${process.getuid?.() ?? 0}`);
  const names = (await readdir(folder)).filter((name) => /^gateway\.[0-9a-f]{8}\.lock$/.test(name));
  return Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as unknown),
  );
}
