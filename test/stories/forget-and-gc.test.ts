import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCodec } from '../../src/codec/open.ts';
import { StoreLock } from '../../src/state/store-lock.ts';
import { collect } from '../support/collecting.ts';
import { openHomeArchive } from '../support/fault-stories.ts';
import { clockAt, runCli } from '../support/run-cli.ts';
import type { ErrorJson, ListJson, VerifyJson } from './support/answers.ts';
import { DAY_MS } from './support/home.ts';
import { type ForgetJson, type GcJson, lifeHome } from './support/life.ts';
import { revive } from './support/revived.ts';
import { transcriptText } from './support/rooms.ts';
import { trimmedHome } from './support/trimmed.ts';

const listed = async (home: Awaited<ReturnType<typeof lifeHome>>['home'], ...flags: string[]) =>
  (await home.json<ListJson>('list', ...flags)).sessions.map(({ sessionKey }) => sessionKey);

describe('a conversation that is forgotten', () => {
  test('is hidden, can be taken back, and after its grace gc deletes it and nothing else', async () => {
    const { home, keys, threads } = await lifeHome();
    const [key, other] = keys;
    const forgot = await home.json<ForgetJson>('forget', key, '--yes');
    expect(forgot).toMatchObject({ marked: true, sessions: [{ sessionKey: key }], notes: [] });
    expect(forgot.deletableFrom).toBe(new Date(home.nowMs + 7 * DAY_MS).toISOString());

    expect(await listed(home)).toEqual(keys.slice(1));
    expect(await listed(home, '--forgotten')).toEqual([key]);
    expect((await home.clawback('list')).expect(0).text).toMatch(/1 forgotten session not shown/);
    for (const verb of [
      ['cat', key],
      ['cat', '--raw', key],
      ['restore', key],
      ['restore', key, '--to', '/tmp/x', '--dry-run'],
    ]) {
      const refused = (await home.clawback(...verb, '--json')).expect(1).json<ErrorJson>();
      expect(refused).toMatchObject({
        code: 'forgotten',
        hint: expect.stringContaining('clawback unforget'),
      });
    }
    expect(await home.json('drill')).toMatchObject({ archived: 2, ok: true });
    expect(await home.json<VerifyJson>('verify', '--read-data')).toMatchObject({
      marks: 1,
      forgotten: 1,
      pinned: 0,
      sessions: 3,
      differences: [],
    });

    expect(await home.json<GcJson>('gc')).toMatchObject({ sessions: [], waiting: 1, objectsDeleted: 0 });
    await home.json('unforget', key);
    expect(await listed(home)).toEqual(keys);
    expect((await home.clawback('cat', '--raw', key)).expect(0).text).toBe(transcriptText(threads[0]));

    await home.json('forget', key, '--yes');
    home.nowMs += 7 * DAY_MS;
    const planned = await home.json<GcJson>('gc', '--dry-run');
    expect(planned).toMatchObject({ waiting: 0, batchesRewritten: 1, batchesDeleted: 0 });
    const done = await home.json<GcJson>('gc');
    expect(done.sessions).toEqual(planned.sessions);
    expect(done).toMatchObject({ batchesRewritten: 1, kept: [], problems: [] });
    expect(await listed(home, '--forgotten')).toEqual([]);
    expect(await listed(home)).toEqual(keys.slice(1));
    expect((await home.clawback('unforget', key, '--json')).expect(1).json<ErrorJson>().code).toBe(
      'selector-unknown',
    );
    expect((await home.clawback('cat', '--raw', other)).expect(0).text).toBe(transcriptText(threads[1]));
    const verified = await home.json<VerifyJson>('verify', '--read-data');
    expect(verified).toMatchObject({ sessions: 2, differences: [], uncatalogued: [], strayPacks: [] });
    // The row still routes, and a later run finds nothing to do.
    expect((await home.rows())[key]).toHaveProperty('clawback');
    expect(await home.json('archive')).toMatchObject({ done: { objects: 0, recoveredSessions: 0 } });
  });

  test('leaves no copy in our cache, and nothing that gc prints names it', async () => {
    const { home, keys, threads } = await lifeHome();
    await listed(home);
    await home.json('forget', keys[0], '--yes');
    home.nowMs += 8 * DAY_MS;
    for (const flags of [['--dry-run'], ['--json', '--dry-run'], ['--verbose']]) {
      const { text, stderr } = (await home.clawback('gc', ...flags)).expect(0);
      expect(text + stderr).not.toContain('slack');
    }
    const cache = join(home.stateDir, 'clawback', 'cache');
    const codec = await openCodec('auto');
    for (const name of await readdir(cache)) {
      const frame = (await readFile(join(cache, name))).subarray(64);
      const text = Buffer.from(codec.decompress(frame, 1 << 20)).toString('utf8');
      expect(text).not.toContain(threads[0].rest);
    }
    await listed(home);
    expect((await readdir(cache)).length).toBeGreaterThan(0);
  });

  test('is listed before it is marked: without --yes and without a terminal nothing is', async () => {
    const { home, keys } = await lifeHome();
    const asked = (await home.clawback('forget', keys[0])).expect(2);
    expect(asked.text).toContain(keys[0]);
    expect(asked.stderr).toContain('--yes');
    const json = (await home.clawback('forget', keys[0], '--json')).expect(2).json<ForgetJson>();
    expect(json).toMatchObject({ marked: false, dryRun: false, sessions: [{ sessionKey: keys[0] }] });
    expect(await home.json<ForgetJson>('forget', keys[0], '--dry-run')).toMatchObject({
      marked: false,
      dryRun: true,
    });
    expect(await listed(home)).toEqual(keys);
  });

  test('by age is all that has been idle for longer, but for what is pinned', async () => {
    const { home, keys } = await lifeHome();
    await home.json('pin', keys[1]);
    const forgot = await home.json<ForgetJson>('forget', '--older-than', '50d', '--yes');
    expect(forgot).toMatchObject({ sessions: [{ sessionKey: keys[0] }], pinned: 1, alreadyForgotten: 0 });
    const again = await home.json<ForgetJson>('forget', '--older-than', '50d', '--yes');
    expect(again).toMatchObject({ marked: false, sessions: [], pinned: 1, alreadyForgotten: 1 });
  });

  test('of several generations is all of them, or the one that is named', async () => {
    const trimmed = await trimmedHome();
    const { home, key } = trimmed;
    await revive(trimmed, { text: 'the yearly numbers' });
    home.nowMs += 8 * DAY_MS;
    await home.json('archive');
    await home.json('forget', key, '--generation', '-1', '--yes');
    expect((await home.clawback('cat', key)).expect(0).text).toContain('quarterly');
    expect(
      (await home.clawback('cat', key, '--generation', '2', '--json')).expect(1).json<ErrorJson>().code,
    ).toBe('forgotten');
    expect((await home.json<ForgetJson>('forget', key, '--yes')).sessions).toHaveLength(1);
    expect(await listed(home, '--key', key)).toEqual([]);
    home.nowMs += 8 * DAY_MS;
    expect((await home.json<GcJson>('gc')).sessions).toHaveLength(2);
    expect(await listed(home, '--key', key)).toEqual([]);
    expect(await home.json<VerifyJson>('verify')).toMatchObject({
      manifests: 1,
      differences: [],
      strayPacks: [],
    });
  });
});

describe('a conversation that a collection had begun to delete when it died', () => {
  for (const [verb, of] of [
    ['unforget', 'its key'],
    ['unforget', 'its archive id'],
    ['pin', 'its key'],
  ] as const) {
    test(`is found by ${of}: ${verb} says that it may be too late, and the next gc puts it back`, async () => {
      const { home, keys, threads } = await lifeHome();
      const [key = ''] = keys;
      const [archived] = (await home.json<ForgetJson>('forget', key, '--yes')).sessions;
      home.nowMs += 8 * DAY_MS;
      let asked = 0;
      const dying = collect(await openHomeArchive(home), home.nowMs, {
        assertMayDelete: async () => {
          asked += 1;
          if (asked > 1) throw new Error('died');
        },
      });
      await expect(dying).rejects.toThrow('died');
      expect((await home.json<VerifyJson>('verify')).unsettled).toHaveLength(1);

      const selector = of === 'its key' ? key : (archived?.archiveId ?? '');
      const told = (await home.clawback(verb, selector, '--json')).expect(1).json<ErrorJson>();
      expect(told).toMatchObject({
        code: 'object-not-found',
        message: expect.stringContaining('clawback gc has begun to delete it'),
        hint: expect.stringContaining('run clawback gc'),
      });
      expect(await home.json<GcJson>('gc')).toMatchObject({ sessions: [], problems: [] });
      expect(await listed(home)).toEqual(keys);
      expect((await home.clawback('cat', '--raw', key)).expect(0).text).toBe(transcriptText(threads[0]));
    });
  }
});

describe('a conversation that is pinned', () => {
  test('cannot be forgotten until it is unpinned, and is not forgotten then by what was said before', async () => {
    const { home, keys } = await lifeHome();
    const [key] = keys;
    await home.json('forget', key, '--yes');
    await home.json('pin', key);
    expect(await listed(home)).toEqual(keys);
    expect((await home.clawback('list')).expect(0).text).toMatch(/\(pinned\)/);
    const refused = (await home.clawback('forget', key, '--yes', '--json')).expect(1).json<ErrorJson>();
    expect(refused).toMatchObject({ code: 'pinned', hint: expect.stringContaining('clawback unpin') });
    home.nowMs += 100 * DAY_MS;
    expect((await home.json<GcJson>('gc')).sessions).toEqual([]);
    await home.json('unpin', key);
    expect((await home.json<GcJson>('gc')).sessions).toEqual([]);
    expect(await listed(home)).toEqual(keys);
  });
});

describe('an erasure request', () => {
  test('finds every session that names the person, with loose files of earlier ones, and no other person', async () => {
    const { home, keys } = await lifeHome();
    const old = home.nowMs - 20 * DAY_MS;
    await home.changeRows((rows) => ({
      ...rows,
      'agent:main:slack:direct:u0123': { sessionId: 'dm-2', updatedAt: old, usageFamilySessionIds: ['dm-1'] },
      'agent:main:slack:direct:u01234': { sessionId: 'dm-3', updatedAt: old },
      'agent:main:main': { sessionId: 'dm-4', updatedAt: old, origin: { from: 'slack:U0123' } },
    }));
    for (const id of ['dm-2', 'dm-3', 'dm-4'])
      await writeFile(
        join(home.sessionsDir(), `${id}.jsonl`),
        transcriptText({ sessionId: id, updatedAtMs: old, text: id }),
      );
    await writeFile(join(home.sessionsDir(), 'dm-1.jsonl.reset.2026-10-01T04-00-00.000Z'), 'x\n');
    home.nowMs += 60 * DAY_MS;
    await home.configure({ retention: { protectedPruneAfter: '7d', pruneAfter: '7d' } });
    await home.json('archive');
    const found = await home.json<ForgetJson>('forget', '--subject', 'U0123', '--dry-run');
    const { sessions } = await home.json<ListJson>('list');
    const ids = found.sessions.map(
      ({ archiveId }) => sessions.find((one) => one.archiveId === archiveId)?.sessionId,
    );
    expect(ids.sort()).toEqual(['dm-1', 'dm-2', 'dm-4']);
    expect(found.notes.join(' ')).toMatch(/transcripts were not/);
    expect(found.notes.join(' ')).toMatch(/delete the live rows/);
    expect((await home.json<ForgetJson>('forget', '--subject', 'U012', '--yes')).sessions).toEqual([]);
    await home.json('forget', '--subject', 'u0123', '--yes');
    home.nowMs += 7 * DAY_MS;
    expect((await home.json<GcJson>('gc')).sessions).toHaveLength(3);
    expect((await listed(home)).filter((key) => keys.includes(key ?? ''))).toEqual(keys);
  });

  test('that cannot look into a batch says so and ends with 3', async () => {
    const { home } = await lifeHome();
    const manifest = Object.keys(await home.objects()).find((name) => name.includes('/manifests/')) ?? '';
    await writeFile(join(home.archiveDir, manifest), 'x');
    const json = (await home.clawback('forget', '--subject', 'U0123', '--yes', '--json'))
      .expect(3)
      .json<ForgetJson>();
    expect(json.problems).toHaveLength(1);
  });
});

describe('a collection', () => {
  test('waits for nobody who works on the store, and says who it is', async () => {
    const { home, keys } = await lifeHome();
    await home.json('forget', keys[0], '--yes');
    home.nowMs += 8 * DAY_MS;
    const lock = await StoreLock.acquire(home.sessionsDir(), 'clawback archive', home.nowMs);
    const objects = await home.objects();
    const refused = (await home.clawback('gc', '--json')).expect(1).json<ErrorJson>();
    expect(refused).toMatchObject({ code: 'locked', message: expect.stringContaining('clawback archive') });
    expect(await home.objects()).toEqual(objects);
    await lock.release();
    (await home.clawback('gc')).expect(0);
  });

  test('needs no store', async () => {
    const { home, keys } = await lifeHome();
    await home.json('forget', keys[0], '--yes');
    home.nowMs += 8 * DAY_MS;
    await rm(join(home.stateDir, 'agents'), { recursive: true });
    expect((await home.json<GcJson>('gc')).sessions).toHaveLength(1);
  });

  test('finishes what another has left of a store that is nowhere any more and of which nothing stays', async () => {
    const { home, keys } = await lifeHome({}, 'ops');
    for (const key of keys) await home.json('forget', key, '--yes');
    home.nowMs += 8 * DAY_MS;
    let asked = 0;
    const dying = collect(await openHomeArchive(home), home.nowMs, {
      storeIds: new Set(['ops']),
      // Once before the manifest that commits the removal, then before the first deletion.
      assertMayDelete: async () => {
        asked += 1;
        if (asked > 1) throw new Error('died');
      },
    });
    await expect(dying).rejects.toThrow('died');
    await rm(join(home.stateDir, 'agents'), { recursive: true });
    expect(await home.json<GcJson>('gc')).toMatchObject({ kept: [], problems: [] });
    const left = Object.keys(await home.objects()).filter((key) => !/\/(?:marks|reports)\//.test(key));
    expect(left).toEqual([]);
  });

  test('ends with 130 when it is stopped, and the next one goes on', async () => {
    const { home, keys } = await lifeHome();
    await home.json('forget', keys[0], '--yes');
    home.nowMs += 8 * DAY_MS;
    const stopped = await runCli(['gc'], {
      env: home.env,
      nowMs: clockAt(home.nowMs).nowMs(),
      signal: AbortSignal.abort(),
    });
    expect(stopped.exitCode).toBe(130);
    expect((await home.json<GcJson>('gc')).sessions).toHaveLength(1);
  });

  test('deletes nothing while a mark cannot be read, and ends with 1', async () => {
    const { home, keys } = await lifeHome();
    await home.json('forget', keys[0], '--yes');
    home.nowMs += 8 * DAY_MS;
    const mark = Object.keys(await home.objects()).find((name) => name.includes('/marks/')) ?? '';
    const bytes = await readFile(join(home.archiveDir, mark));
    await writeFile(join(home.archiveDir, mark), bytes.subarray(0, 20));
    await rm(join(home.stateDir, 'clawback', 'cache'), { recursive: true, force: true });
    const objects = await home.objects();
    const refused = (await home.clawback('gc', '--json')).expect(1).json<ErrorJson>();
    expect(refused).toMatchObject({
      code: 'mark-unreadable',
      hint: expect.stringContaining('copy of the bucket'),
    });
    expect(await home.objects()).toEqual(objects);
  });

  test('that meets a damaged manifest leaves it, does the others, and ends with 3', async () => {
    const { home, keys } = await lifeHome();
    const damaged = Object.keys(await home.objects()).find((name) => name.includes('/manifests/')) ?? '';
    await home.json('forget', keys[0], '--yes');
    await writeFile(join(home.archiveDir, damaged), 'x');
    home.nowMs += 8 * DAY_MS;
    const objects = await home.objects();
    const { problems } = (await home.clawback('gc', '--json')).expect(3).json<GcJson>();
    expect(problems.map(({ error }) => error.code)).toEqual(['frame-corrupt']);
    expect(await home.objects()).toEqual(objects);
  });
});

describe('a command line that makes no sense', () => {
  test.each([
    [['forget'], /name a conversation/],
    [['forget', 'x', '--older-than', '1d'], /name a conversation/],
    [['forget', '--subject', 'slack'], /type the id/],
    [['forget', '--older-than', '90'], /90d/],
    [['forget', '--older-than', '1d', '--generation', '1'], /name the conversation/],
  ])('%j is refused with 2 and says what to type', async (argv, hint) => {
    const { home } = await lifeHome();
    const result = (await home.clawback(...argv, '--yes')).expect(2);
    expect(result.stderr).toMatch(hint);
  });
});
