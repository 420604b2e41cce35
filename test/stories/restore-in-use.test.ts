import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import type { ErrorJson, ListJson, RestoreJson } from './support/answers.ts';
import { DAY_MS, HOUR_MS } from './support/home.ts';
import { NEXT_ID, revive } from './support/revived.ts';
import { transcriptName, writeAged } from './support/rooms.ts';
import { fingerprint, readFileState, readTree } from './support/tree.ts';
import { OLD_ID, type TrimmedHome, trimmedHome } from './support/trimmed.ts';

type Busy = (trimmed: TrimmedHome, ids: { readonly base: string }) => Promise<unknown>;

const changeRow = ({ home, key }: TrimmedHome, fields: object) =>
  home.changeRows((rows) => ({ ...rows, [key]: { ...rows[key], ...fields } }));

const BUSY: readonly (readonly [what: string, reason: string, make: Busy])[] = [
  ['whose row says that it runs', 'running', (trimmed) => changeRow(trimmed, { status: 'running' })],
  [
    'whose last run never ended',
    'run-unfinished',
    (trimmed) => changeRow(trimmed, { startedAt: trimmed.home.nowMs }),
  ],
  [
    'whose answer waits for delivery',
    'pending-delivery',
    (trimmed) => changeRow(trimmed, { pendingFinalDelivery: true }),
  ],
  [
    'whose transcript is locked',
    'locked',
    ({ home }, { base }) => writeFile(join(home.sessionsDir(), `${base}.jsonl.lock`), '{"pid":1}\n'),
  ],
  [
    'whose old transcript is locked',
    'locked',
    ({ transcript }) => writeFile(`${transcript}.lock`, '{"pid":1}\n'),
  ],
  [
    'for which a task runs',
    'running-task',
    async ({ home, key }) => {
      await mkdir(join(home.stateDir, 'tasks'));
      const tasks = new DatabaseSync(join(home.stateDir, 'tasks', 'runs.sqlite'));
      tasks.exec(`CREATE TABLE task_runs (task_id TEXT PRIMARY KEY,
        requester_session_key TEXT, owner_key TEXT NOT NULL, child_session_key TEXT, status TEXT NOT NULL)`);
      tasks.prepare('INSERT INTO task_runs VALUES (?, ?, ?, ?, ?)').run('1', '', key, null, 'running');
      tasks.close();
    },
  ],
];

describe('a conversation that is in use', () => {
  describe.each(BUSY)('%s', (_what, reason, make) => {
    /** Live under a newer session. */
    async function busy() {
      const trimmed = await trimmedHome();
      const next = await revive(trimmed);
      await make(trimmed, { base: transcriptName(next).replace(/\.jsonl$/, '') });
      return { ...trimmed, next };
    }

    test('is not switched back by --resume: the error says why, and what to do', async () => {
      const { home, key } = await busy();
      const before = await fingerprint(home.sessionsDir());
      const result = (await home.clawback('restore', key, '--resume', '--json')).expect(1);
      expect(result.json<ErrorJson>()).toMatchObject({
        code: 'session-in-use',
        retryable: true,
        hint: expect.stringContaining('--to DIR'),
      });
      expect(await fingerprint(home.sessionsDir())).toEqual(before);
      const dry = await home.json<RestoreJson & { inUse: unknown }>('restore', key, '--resume', '--dry-run');
      expect(dry.inUse).toMatchObject({ reason });
    });

    test('has none of its files set aside by --force', async () => {
      const { home, key, transcript } = await busy();
      await writeAged(transcript, 'something else\n', home.nowMs);
      const before = await fingerprint(home.sessionsDir());
      const result = (await home.clawback('restore', key, '--force', '--json')).expect(1);
      expect(result.json<ErrorJson>().code).toBe('session-in-use');
      expect(await fingerprint(home.sessionsDir())).toEqual(before);
    });

    test('may have its old files put beside it, and elsewhere', async () => {
      const { home, key, transcript, state } = await busy();
      const text = await home.storeText();
      const json = await home.json<RestoreJson>('restore', key);
      expect(json).toMatchObject({ row: 'revived', inUse: null });
      expect(await home.storeText()).toBe(text);
      expect(await readFileState(transcript)).toEqual(state);
      const folder = join(home.root, 'elsewhere');
      await home.json('restore', key, '--to', folder);
      expect(Object.values(await readTree(folder))).toEqual([state]);
    });
  });

  test('is seen although its row is still the tombstone: a turn has just begun', async () => {
    const trimmed = await trimmedHome();
    const { home, key } = trimmed;
    const stub = String((await home.rows())[key]?.sessionFile);
    await writeFile(join(home.sessionsDir(), `${stub}.lock`), '{"pid":1}\n');
    const before = await fingerprint(home.sessionsDir());
    const result = (await home.clawback('restore', key, '--json')).expect(1);
    expect(result.json<ErrorJson>()).toMatchObject({
      code: 'session-in-use',
      message: expect.stringContaining(`${stub}.lock`),
    });
    expect(await fingerprint(home.sessionsDir())).toEqual(before);
    await rm(join(home.sessionsDir(), `${stub}.lock`));
    expect((await home.json<RestoreJson>('restore', key)).row).toBe('restored');
  });

  test('whose row is gone is in use all the same if a task runs for its key', async () => {
    const trimmed = await trimmedHome();
    const { home, key } = trimmed;
    await home.changeRows(({ [key]: _gone, ...rows }) => rows);
    await BUSY.at(-1)?.[2](trimmed, { base: '' });
    const result = (await home.clawback('restore', key, '--json')).expect(1);
    expect(result.json<ErrorJson>().code).toBe('session-in-use');
    expect(await home.rows()).not.toHaveProperty([key]);
  });

  test('does not keep another from coming back', async () => {
    const { home, key, row } = await trimmedHome();
    const busyKey = Object.keys(await home.rows()).find((one) => one !== key) ?? '';
    await home.changeRows((rows) => ({ ...rows, [busyKey]: { ...rows[busyKey], status: 'running' } }));
    await home.json('restore', key);
    expect((await home.rows())[key]).toEqual(row);
  });
});

describe('a conversation that is quiet', () => {
  test('and pinned comes back: a pin keeps a row from going, not from coming', async () => {
    const trimmed = await trimmedHome();
    const { home, key } = trimmed;
    await revive(trimmed);
    await changeRow(trimmed, { pinnedAt: home.nowMs, goal: 'x' });
    const json = await home.json<RestoreJson>('restore', key, '--resume');
    expect(json.row).toBe('restored');
    expect((await home.rows())[key]?.sessionId).toBe(OLD_ID);
  });

  test('and live under a newer session is switched to an older generation than the newest', async () => {
    const trimmed = await trimmedHome();
    const { home, key, transcript, state } = trimmed;
    await revive(trimmed);
    home.nowMs += 8 * DAY_MS;
    await home.json('archive');
    const third = '44444444-aaaa-4bbb-8ccc-000000000004';
    const next = await revive(trimmed, { sessionId: third });
    home.nowMs += HOUR_MS;
    await home.json('restore', key, '--resume', '--generation', '1');
    expect((await home.rows())[key]).toMatchObject({
      sessionId: OLD_ID,
      updatedAt: home.nowMs,
      usageFamilySessionIds: expect.arrayContaining([third, NEXT_ID]),
    });
    expect(await readFileState(transcript)).toEqual(state);
    home.nowMs += 8 * DAY_MS;
    await home.json('archive');
    // What was said in between goes with the generation that was resumed.
    const { sessions } = await home.json<ListJson>('list', '--key', key);
    expect(sessions.map((one) => [one.sessionId, one.files, one.generation])).toEqual([
      [OLD_ID, 1, 1],
      [NEXT_ID, 1, 2],
      [OLD_ID, 2, 3],
    ]);
    expect(Object.keys(await readTree(home.sessionsDir()))).not.toContain(transcriptName(next));
  });

  test('whose row is gone is continued with --resume', async () => {
    const { home, key, row } = await trimmedHome();
    await home.changeRows(({ [key]: _gone, ...rows }) => rows);
    await home.json('restore', key, '--resume');
    expect((await home.rows())[key]).toEqual({
      ...row,
      updatedAt: home.nowMs,
      sessionStartedAt: home.nowMs,
      lastInteractionAt: home.nowMs,
    });
  });

  test('whose old file name serves it again is switched with --force, and what it said since is kept aside', async () => {
    const trimmed = await trimmedHome();
    const { home, key, transcript, state } = trimmed;
    // A policy that never expires sessions lets OpenClaw make the same name again.
    const next = await revive(trimmed, { sessionId: OLD_ID, text: 'since then' });
    expect(transcript.endsWith(transcriptName(next))).toBe(true);
    const refused = (await home.clawback('restore', key, '--resume', '--json')).expect(1);
    expect(refused.json<ErrorJson>().code).toBe('restore-conflict');
    const since = await readFileState(transcript);
    const { setAside } = await home.json<RestoreJson>('restore', key, '--resume', '--force');
    expect(await readFileState(transcript)).toEqual(state);
    expect(await readFileState(join(home.sessionsDir(), setAside[0] ?? ''))).toEqual(since);
  });
});
