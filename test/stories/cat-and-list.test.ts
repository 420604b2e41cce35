import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeModelRunStore } from '../../src/demo/model-run-store.ts';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import type { SyntheticSession } from '../../src/demo/synthetic-store.ts';
import type { ErrorJson, ListJson } from './support/answers.ts';
import { DAY_MS, Home } from './support/home.ts';
import { transcriptText } from './support/rooms.ts';
import { fingerprint } from './support/tree.ts';
import { trimmedHome } from './support/trimmed.ts';

describe('clawback cat', () => {
  test('prints who said what and when, and what the transcript is called', async () => {
    const { home, key } = await trimmedHome();
    const { text, stderr } = (await home.clawback('cat', key)).expect(0);
    expect(text).toContain('11111111-aaaa-4bbb-8ccc-000000000001');
    expect(text).toMatch(/^\[2026-11-12 09:30\] user: the quarterly numbers$/m);
    expect(text).toMatch(/^\[2026-11-12 09:30\] assistant: About the quarterly numbers: done\.$/m);
    expect(text).not.toContain('{"type"');
    expect(stderr).toBe('');
  });

  test('--raw is the transcript itself, byte for byte', async () => {
    const { home, key, thread } = await trimmedHome();
    const { stdout } = (await home.clawback('cat', key, '--raw')).expect(0);
    expect(stdout).toEqual(Buffer.from(transcriptText(thread)));
  });

  test('--json names the files and gives the row as it was', async () => {
    const { home, key, row, transcript } = await trimmedHome();
    const name = transcript.split('/').at(-1);
    const json = await home.json<Record<string, unknown>>('cat', key);
    expect(json).toMatchObject({ schema: 'clawback.cat/1', sessionKey: key, files: [{ name }], row });
  });

  test('touches neither the store nor the sessions folder nor the archive', async () => {
    const { home, key } = await trimmedHome();
    const local = await fingerprint(join(home.stateDir, 'agents'));
    const archive = await fingerprint(home.archiveDir);
    (await home.clawback('cat', key)).expect(0);
    expect(await fingerprint(join(home.stateDir, 'agents'))).toEqual(local);
    expect(await fingerprint(home.archiveDir)).toEqual(archive);
  });

  test('works while sessions.json is torn', async () => {
    const { home, key } = await trimmedHome();
    await writeFile(home.storePath(), 'torn');
    expect((await home.clawback('cat', key)).expect(0).text).toContain('quarterly');
  });

  test('something that was never archived is exit code 1 and a hint', async () => {
    const { home } = await trimmedHome();
    const result = await home.clawback('cat', 'agent:main:main', '--json');
    expect(result.expect(1).json<ErrorJson>()).toMatchObject({
      code: 'selector-unknown',
      hint: expect.stringContaining('clawback list'),
    });
  });
});

describe('clawback list', () => {
  let home: Home;
  let trimmed: readonly SyntheticSession[];
  let probes: readonly SyntheticSession[];

  beforeAll(async () => {
    home = await Home.create({
      settings: { retention: { protectedPruneAfter: '7d', orphanPruneAfter: 'off' } },
    });
    const shape = { stateDir: home.stateDir, nowMs: home.nowMs, sizeScale: 0.01, countScale: 0.1 };
    const runs = await writeModelRunStore(shape);
    const slack = await writeSlackStore({ ...shape, agentId: 'slack' });
    probes = runs.sessions.filter(
      ({ sessionKey, ageMs }) => /:model-run-[0-9a-f-]{36}$/.test(sessionKey) && ageMs >= DAY_MS,
    );
    trimmed = slack.sessions.filter(({ ageMs, blocker }) => ageMs >= 7 * DAY_MS && blocker === undefined);
    await home.json('archive');
  });

  const keys = async (...flags: string[]) =>
    (await home.json<ListJson>('list', ...flags)).sessions.map(({ sessionKey }) => sessionKey).sort();
  const keysOf = (sessions: readonly SyntheticSession[]) =>
    sessions.map(({ sessionKey }) => sessionKey).sort();

  test('names every archived session once, and its sums add up', async () => {
    const { sessions, totals } = await home.json<ListJson>('list');
    expect(sessions.map(({ sessionKey }) => sessionKey).sort()).toEqual(keysOf([...probes, ...trimmed]));
    expect(new Set(sessions.map(({ archiveId }) => archiveId)).size).toBe(sessions.length);
    expect(totals).toEqual({
      sessions: sessions.length,
      files: sessions.reduce((sum, { files }) => sum + files, 0),
      rawBytes: sessions.reduce((sum, { rawBytes }) => sum + rawBytes, 0),
      storedBytes: sessions.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    });
  });

  test('says of each when it was last active, of what kind it is and how many files it has', async () => {
    const { sessions } = await home.json<ListJson>('list');
    const byKey = new Map(sessions.map((session) => [session.sessionKey, session]));
    for (const { sessionKey, sessionId, ageMs, files } of [...probes, ...trimmed]) {
      const listed = byKey.get(sessionKey);
      expect(listed).toMatchObject({ sessionId, files: files.length });
      expect(Date.parse(listed?.lastActivityAt ?? '')).toBe(home.nowMs - ageMs);
      const kind = /:(thread|channel|group|model-run)[:-]/.exec(
        sessionKey.replace(/.*(:thread:).*/, '$1'),
      )?.[1];
      if (kind !== undefined) expect(listed?.kind).toBe(kind);
    }
  });

  test('--key takes a glob over the whole session key', async () => {
    expect(await keys('--key', 'agent:slack:*')).toEqual(keysOf(trimmed));
    expect(await keys('--key', '*:thread:*')).toEqual(
      keysOf(trimmed.filter(({ sessionKey }) => sessionKey.includes(':thread:'))),
    );
    expect(await keys('--key', trimmed[0]?.sessionKey ?? '')).toEqual(keysOf(trimmed.slice(0, 1)));
    expect(await keys('--key', 'agent:nobody:*')).toEqual([]);
  });

  test('--agent takes the sessions of one agent', async () => {
    expect(await keys('--agent', 'main')).toEqual(keysOf(probes));
  });

  test('--older-than counts from the last activity, not from the archiving', async () => {
    const limitMs = 9 * DAY_MS;
    expect(await keys('--older-than', '9d')).toEqual(
      keysOf([...probes, ...trimmed].filter(({ ageMs }) => ageMs > limitMs)),
    );
    expect((await home.clawback('list', '--older-than', '9')).expect(2).stderr).toContain('9');
  });

  test('the text for people has a line for each and the sums', async () => {
    const { text } = (await home.clawback('list')).expect(0);
    for (const { sessionKey } of [...probes, ...trimmed]) expect(text).toContain(sessionKey);
    expect(text).toContain(`${probes.length + trimmed.length} archived sessions`);
    expect((await home.clawback('list', '--quiet')).expect(0).text).toBe('');
  });

  test('needs no manifest: it answers from the catalogue, even without its own cache', async () => {
    const before = await home.json<ListJson>('list');
    const fresh = await Home.create({ settings: { instance: before.instance } });
    await fresh.configure({ archive: `file://${home.archiveDir}`, instance: before.instance });
    for (const key of Object.keys(await home.objects())) {
      if (key.includes('/manifests/')) await writeFile(join(home.archiveDir, key), 'not a manifest');
    }
    expect((await fresh.json<ListJson>('list')).sessions).toEqual(before.sessions);
  });
});

test('before the first run there is nothing to list, and the hint says what to do', async () => {
  const home = await Home.create();
  const result = await home.clawback('list', '--json');
  expect(result.expect(2).json<ErrorJson>().hint).toContain('clawback archive');
});

test('an archive that holds nothing of this instance is an empty list', async () => {
  const home = await Home.create({ settings: { instance: 'nobody-yet' } });
  const { totals, sessions } = await home.json<ListJson>('list');
  expect({ totals, sessions }).toEqual({
    totals: { sessions: 0, files: 0, rawBytes: 0, storedBytes: 0 },
    sessions: [],
  });
});

test('the catalogue is JSON Lines in a plain zstd frame, with flat columns', async () => {
  const { home, key } = await trimmedHome();
  const name = Object.keys(await home.objects()).find((one) => one.endsWith('.jsonl.zst')) ?? '';
  const { zstdDecompressSync } = await import('node:zlib');
  const text = zstdDecompressSync(await readFile(join(home.archiveDir, name))).toString('utf8');
  const lines = text.trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  const row = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  expect(row).toMatchObject({ session_key: key, kind: 'thread', action: 'trim', files: 1 });
  expect(Object.values(row).filter((value) => typeof value === 'object' && value !== null)).toEqual([]);
});
