import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ArchiveJson, ErrorJson, ListJson, RestoreJson } from './support/answers.ts';
import { DAY_MS, HOUR_MS, Home } from './support/home.ts';
import { revive } from './support/revived.ts';
import {
  routingOf,
  threadOf,
  transcriptName,
  transcriptText,
  writeAged,
  writeThreadStore,
} from './support/rooms.ts';
import { fingerprint, readFileState, readTree } from './support/tree.ts';
import { CHANNEL, OLD_ID, THREAD_TS, trimmedHome } from './support/trimmed.ts';

const ROOT_LINK = `https://acme.slack.com/archives/${CHANNEL}/p${THREAD_TS.replace('.', '')}`;
const REPLY_LINK = `https://acme.slack.com/archives/${CHANNEL}/p1762500333000700?thread_ts=${THREAD_TS}&cid=${CHANNEL}`;

describe('one thread comes back', () => {
  test.each<[string, (archiveId: string) => string]>([
    ['its session key', () => `agent:main:slack:channel:c0general1:thread:${THREAD_TS}`],
    ['its session key in other capitals', () => `agent:MAIN:slack:channel:${CHANNEL}:thread:${THREAD_TS}`],
    ['the key without `agent:<id>:`', () => `slack:channel:c0general1:thread:${THREAD_TS}`],
    ['its session id', () => OLD_ID],
    ['its archive id', (archiveId) => archiveId],
    ['the Slack link to the first message of the thread', () => ROOT_LINK],
    ['the Slack link to a reply', () => REPLY_LINK],
    ['a link as Slack puts it into message text', () => `<${REPLY_LINK.replace('&', '&amp;')}|the thread>`],
  ])('by %s', async (_what, selectorOf) => {
    const { home, key, row, transcript, state } = await trimmedHome();
    const { sessions } = await home.json<ListJson>('list');
    expect(sessions).toHaveLength(1);
    const json = await home.json<RestoreJson>('restore', selectorOf(sessions[0]?.archiveId ?? ''));
    expect(json).toMatchObject({
      archiveId: sessions[0]?.archiveId,
      sessionKey: key,
      sessionId: OLD_ID,
      files: [{ state: 'absent' }],
      row: 'restored',
      setAside: [],
    });
    expect(await readFileState(transcript)).toEqual(state);
    expect((await home.rows())[key]).toEqual(row);
  });

  test('its stub goes, and nothing of the restore stays behind', async () => {
    const { home, key, row } = await trimmedHome();
    const stub = String((await home.rows())[key]?.sessionFile);
    expect(Object.keys(await readTree(home.sessionsDir()))).toContain(stub);
    await home.json('restore', key);
    const busy = '22222222-aaaa-4bbb-8ccc-000000000002-topic-1763600000.000200.jsonl';
    expect(Object.keys(await readTree(home.sessionsDir()))).toEqual(
      [String(row.sessionFile).split('/').at(-1), busy, 'sessions.json'].sort(),
    );
  });

  test('the other rows keep their bytes', async () => {
    const { home, key, row } = await trimmedHome();
    const trimmed = await home.rows();
    await home.json('restore', key);
    expect(await home.storeText()).toBe(JSON.stringify({ ...trimmed, [key]: row }, null, 2));
  });

  test('a stub that somebody has written to stays', async () => {
    const { home, key } = await trimmedHome();
    const stub = join(home.sessionsDir(), String((await home.rows())[key]?.sessionFile));
    const written = `${await readFile(stub, 'utf8')}{"type":"message"}\n`;
    await writeAged(stub, written, home.nowMs);
    await home.json('restore', key);
    expect(await readFile(stub, 'utf8')).toBe(written);
  });

  test('a dry run says what would come back and changes nothing', async () => {
    const { home, key } = await trimmedHome();
    await home.json('list');
    const before = await fingerprint(home.root);
    const dry = await home.json<RestoreJson>('restore', key, '--dry-run');
    expect(await fingerprint(home.root)).toEqual(before);
    const { dryRun, ...run } = await home.json<RestoreJson>('restore', key);
    expect(dry).toEqual({ ...run, dryRun: true });
    expect(dryRun).toBe(false);
  });

  test('restoring it twice does nothing the second time', async () => {
    const { home, key, transcript } = await trimmedHome();
    await home.json('restore', key);
    const text = await home.storeText();
    const before = await fingerprint(transcript.replace(/\/[^/]*$/, ''));
    const json = await home.json<RestoreJson>('restore', key);
    expect(json).toMatchObject({ files: [{ state: 'identical' }], row: 'identical' });
    expect(await home.storeText()).toBe(text);
    expect(await fingerprint(home.sessionsDir())).toEqual(before);
  });
});

describe('after a restore', () => {
  test('the next night leaves the thread alone, and the night after its retention takes it again', async () => {
    const { home, key, transcript } = await trimmedHome();
    await home.json('restore', key);
    const restoredAtMs = home.nowMs;
    home.nowMs = restoredAtMs + DAY_MS;
    const next = await home.json<ArchiveJson>('archive', '--verbose');
    expect(next.done.protectedRowsTrimmed).toBe(0);
    expect(next.plan[0]?.kept.find(({ sessionKey }) => sessionKey === key)?.reason).toBe('too-young');
    home.nowMs = restoredAtMs + 7 * DAY_MS - HOUR_MS;
    await home.json('archive');
    expect((await home.rows())[key]).not.toHaveProperty('clawback');
    home.nowMs = restoredAtMs + 7 * DAY_MS + HOUR_MS;
    await home.json('archive');
    expect((await home.rows())[key]).toHaveProperty('clawback');
    await expect(readFile(transcript)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('of two archived generations the newest is found, and the older one by its own ids', async () => {
    const { home, key, thread, transcript } = await trimmedHome();
    const first = (await home.json<ListJson>('list')).sessions[0]?.archiveId ?? '';
    await home.json('restore', key);
    const longer = transcriptText({ ...thread, text: 'the quarterly numbers, once more' });
    await writeAged(transcript, longer, home.nowMs);
    home.nowMs += 8 * DAY_MS;
    await home.json('archive');
    const { sessions } = await home.json<ListJson>('list');
    expect(sessions.map(({ sessionKey }) => sessionKey)).toEqual(
      expect.arrayContaining([key, key, expect.stringContaining('1763600000.000200')]),
    );
    const cat = async (...argv: string[]) => (await home.clawback('cat', '--raw', ...argv)).expect(0).text;
    for (const selector of [key, ROOT_LINK, OLD_ID]) {
      const { archiveId } = await home.json<RestoreJson>('restore', selector, '--dry-run');
      expect(archiveId).not.toBe(first);
      expect(await cat(selector, '--generation', '-1')).toBe(longer);
      expect(await cat(selector, '--generation', '1')).toBe(transcriptText(thread));
    }
    expect(await cat(first)).toBe(transcriptText(thread));
  });

  test('a revived generation that is archived later is found first', async () => {
    const trimmed = await trimmedHome();
    const { home, key, thread } = trimmed;
    const next = await revive(trimmed);
    home.nowMs += 8 * DAY_MS;
    await home.json('archive');
    const { sessionId } = await home.json<RestoreJson>('restore', key, '--dry-run');
    expect(sessionId).toBe(next.sessionId);
    const older = (await home.clawback('cat', OLD_ID, '--raw')).expect(0);
    expect(older.text).toBe(transcriptText(thread));
  });
});

describe('what has happened to the row in the meantime', () => {
  test('a row that is gone comes back whole', async () => {
    const { home, key, row } = await trimmedHome();
    await home.changeRows(({ [key]: _gone, ...rows }) => rows);
    await home.json('restore', key);
    expect((await home.rows())[key]).toEqual(row);
  });

  test('newer routing wins over the archived one', async () => {
    const { home, key, row } = await trimmedHome();
    const moved = {
      deliveryContext: { channel: 'slack', to: 'channel:C0NEW', accountId: 'second', threadId: THREAD_TS },
      lastTo: 'channel:C0NEW',
      lastAccountId: 'second',
      displayName: 'slack:#renamed',
    };
    await home.changeRows((rows) => ({ ...rows, [key]: { ...rows[key], ...moved } }));
    await home.json('restore', key);
    expect((await home.rows())[key]).toEqual({ ...row, ...moved });
  });

  test('a revived conversation keeps its row and its transcript, the old one comes back beside it', async () => {
    const trimmed = await trimmedHome();
    const { home, key, transcript, state } = trimmed;
    const next = await revive(trimmed);
    const text = await home.storeText();
    const nextState = await readFileState(join(home.sessionsDir(), transcriptName(next)));
    const json = await home.json<RestoreJson>('restore', key);
    expect(json).toMatchObject({ row: 'revived', files: [{ state: 'absent' }] });
    expect(await home.storeText()).toBe(text);
    expect(await readFileState(transcript)).toEqual(state);
    expect(await readFileState(join(home.sessionsDir(), transcriptName(next)))).toEqual(nextState);
  });

  test.each(['a name', 'a path'])(
    'a row that an inbound message has touched keeps the stub that it names by %s',
    async (spelling) => {
      const { home, key } = await trimmedHome();
      const stub = join(home.sessionsDir(), String((await home.rows())[key]?.sessionFile));
      const touched = { updatedAt: home.nowMs, ...(spelling === 'a path' ? { sessionFile: stub } : {}) };
      await home.changeRows((rows) => ({ ...rows, [key]: { ...rows[key], ...touched } }));
      expect((await home.json<RestoreJson>('restore', key)).row).toBe('revived');
      expect(await readFile(stub, 'utf8')).toContain('by clawback as');
    },
  );

  test('with --resume a revived conversation is switched to the old transcript', async () => {
    const trimmed = await trimmedHome();
    const { home, key, row, transcript, state } = trimmed;
    const next = await revive(trimmed);
    const revived = (await home.rows())[key];
    home.nowMs += HOUR_MS;
    const json = await home.json<RestoreJson>('restore', key, '--resume');
    expect(json.row).toBe('restored');
    const now = (await home.rows())[key];
    expect(now).toEqual({
      ...row,
      ...routingOf(revived),
      updatedAt: home.nowMs,
      sessionStartedAt: home.nowMs,
      lastInteractionAt: home.nowMs,
      usageFamilySessionIds: expect.arrayContaining([next.sessionId]),
    });
    expect(now?.lastTo).toBe('channel:C0RENAMED');
    expect(await readFileState(transcript)).toEqual(state);
    // The interim transcript is the row's now: it is archived with its next generation.
    expect(Object.keys(await readTree(home.sessionsDir()))).toContain(transcriptName(next));
  });

  test('--resume sets the three dates that a reset looks at, and nothing else', async () => {
    const { home, key, row } = await trimmedHome();
    home.nowMs += 3 * HOUR_MS;
    await home.json('restore', key, '--resume');
    expect((await home.rows())[key]).toEqual({
      ...row,
      updatedAt: home.nowMs,
      sessionStartedAt: home.nowMs,
      lastInteractionAt: home.nowMs,
    });
  });

  test('a session id that serves another key by now is refused', async () => {
    const { home, key } = await trimmedHome();
    await home.changeRows((rows) => ({
      ...rows,
      'agent:main:dashboard:x': { sessionId: OLD_ID, updatedAt: home.nowMs },
    }));
    const before = await fingerprint(home.sessionsDir());
    const result = await home.clawback('restore', key, '--json');
    expect(result.expect(1).json<ErrorJson>()).toMatchObject({
      code: 'restore-conflict',
      hint: expect.stringContaining('--to'),
    });
    expect(await fingerprint(home.sessionsDir())).toEqual(before);
  });
});

describe('what stands under the archived names by now', () => {
  test('a file of other content is refused, and nothing changes', async () => {
    const { home, key, transcript } = await trimmedHome();
    await writeAged(transcript, 'something else\n', home.nowMs);
    const before = await fingerprint(home.sessionsDir());
    const result = await home.clawback('restore', key, '--json');
    expect(result.expect(1).json<ErrorJson>()).toMatchObject({
      code: 'restore-conflict',
      hint: expect.stringMatching(/--force.*--to/),
    });
    expect(result.stderr).toContain('--force');
    expect(await fingerprint(home.sessionsDir())).toEqual(before);
  });

  test('--force sets it aside, whole, and restores', async () => {
    const { home, key, row, transcript, state } = await trimmedHome();
    await writeAged(transcript, 'something else\n', home.nowMs);
    const { setAside } = await home.json<RestoreJson>('restore', key, '--force');
    expect(setAside).toHaveLength(1);
    expect(await readFile(join(home.sessionsDir(), setAside[0] ?? ''), 'utf8')).toBe('something else\n');
    expect(await readFileState(transcript)).toEqual(state);
    expect((await home.rows())[key]).toEqual(row);
  });

  test('--to restores elsewhere, and leaves store and sessions folder alone', async () => {
    const { home, key, transcript, state } = await trimmedHome();
    await writeAged(transcript, 'something else\n', home.nowMs);
    const before = await fingerprint(home.sessionsDir());
    const folder = join(home.root, 'elsewhere');
    const json = await home.json<RestoreJson>('restore', key, '--to', folder);
    expect(json).toMatchObject({ row: 'untouched', files: [{ name: transcript.split('/').at(-1) }] });
    expect(Object.values(await readTree(folder))).toEqual([state]);
    expect(await fingerprint(home.sessionsDir())).toEqual(before);
  });

  test('--to never writes over a file', async () => {
    const { home, key, transcript } = await trimmedHome();
    const folder = join(home.root, 'elsewhere');
    await home.json('restore', key, '--to', folder);
    await writeAged(join(folder, transcript.split('/').at(-1) ?? ''), 'edited since\n', home.nowMs);
    const before = await fingerprint(folder);
    const result = await home.clawback('restore', key, '--to', folder, '--json');
    expect(result.expect(1).json<ErrorJson>().code).toBe('restore-conflict');
    expect(await fingerprint(folder)).toEqual(before);
  });

  test('an identical file is left as it is', async () => {
    const { home, key, row, thread, transcript } = await trimmedHome();
    // The same bytes with another time: somebody copied them back by hand.
    await writeAged(transcript, transcriptText(thread), home.nowMs);
    const state = await readFileState(transcript);
    const json = await home.json<RestoreJson>('restore', key);
    expect(json).toMatchObject({ files: [{ state: 'identical' }], row: 'restored', setAside: [] });
    expect(await readFileState(transcript)).toEqual(state);
    expect((await home.rows())[key]).toEqual(row);
  });
});

describe('selectors that name nothing, or too much', () => {
  test.each([
    ['a key', 'agent:main:slack:channel:c0nowhere'],
    ['a link', 'https://acme.slack.com/archives/C0NOWHERE1/p1762500000000000'],
    ['an archive id', '20260101t000000z-00000000-0001.0'],
    ['nothing', ''],
  ])('%s that is not in the archive gets a hint', async (_what, selector) => {
    const { home } = await trimmedHome();
    const result = await home.clawback('restore', '--json', selector);
    expect(result.expect(1).json<ErrorJson>()).toMatchObject({
      code: 'selector-unknown',
      hint: expect.stringContaining('clawback list'),
    });
  });

  test('a thread that two agents have is ambiguous until --agent or an archive id decides', async () => {
    const home = await Home.create({ settings: { retention: { protectedPruneAfter: '7d' } } });
    const updatedAtMs = home.nowMs - 9 * DAY_MS;
    for (const agentId of ['main', 'ops']) {
      const thread = { sessionId: `${agentId}-session`, updatedAtMs, text: `for ${agentId}` };
      await writeThreadStore(home.storePath(agentId), {
        [agentId]: [threadOf(CHANNEL, THREAD_TS, thread)],
      });
    }
    await home.json('archive');
    const { sessions } = await home.json<ListJson>('list');
    const result = (await home.clawback('restore', ROOT_LINK, '--json')).expect(1);
    const error = result.json<ErrorJson>();
    expect(error.code).toBe('selector-ambiguous');
    for (const { archiveId } of sessions) expect(error.hint).toContain(archiveId);
    const json = await home.json<RestoreJson>('restore', ROOT_LINK, '--agent', 'ops');
    expect(json.sessionId).toBe('ops-session');
    const other = sessions.find(({ agentId }) => agentId === 'main')?.archiveId ?? '';
    expect((await home.json<RestoreJson>('restore', other)).sessionId).toBe('main-session');
  });

  test('--to and --resume together are a usage error', async () => {
    const { home, key } = await trimmedHome();
    (await home.clawback('restore', key, '--to', join(home.root, 'x'), '--resume')).expect(2);
  });
});

test('a damaged pack puts nothing in place', async () => {
  const { home, key } = await trimmedHome();
  const pack = Object.keys(await home.objects()).find((name) => name.includes('/packs/')) ?? '';
  const bytes = await readFile(join(home.archiveDir, pack));
  bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 0x40;
  await rm(join(home.archiveDir, pack));
  await writeAged(join(home.archiveDir, pack), bytes, home.nowMs);
  const before = await fingerprint(home.sessionsDir());
  const result = await home.clawback('restore', key, '--json');
  expect(result.expect(1).json<ErrorJson>().code).toMatch(/^(?:frame|object)-corrupt$/);
  expect(await fingerprint(home.sessionsDir())).toEqual(before);
});
