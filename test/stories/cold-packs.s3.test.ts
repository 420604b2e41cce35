import { join } from 'node:path';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { rawClient } from '../support/s3-bucket.ts';
import { hasS3, s3Access } from '../support/s3-provided.ts';
import type { ErrorJson, ListJson, RestoreJson, VerifyJson } from './support/answers.ts';
import { ColdHome } from './support/cold-home.ts';
import { DAY_MS, HOUR_MS } from './support/home.ts';
import { threadOf, transcriptName, writeAged, writeThreadStore } from './support/rooms.ts';

describe.skipIf(!hasS3)('cold packs', () => {
  test('verify --read-data counts no cold pack as damaged, nor as read', async () => {
    const cold = await ColdHome.create(['main', 'ops']);
    const [first = '', second = ''] = cold.keysOf('packs');
    cold.freeze('GLACIER', [first]);
    const short = (key: string) => key.slice('archive/'.length);
    expect(await cold.home.json<VerifyJson>('verify')).toMatchObject({ differences: [], cold: [] });
    const verified = await cold.home.json<VerifyJson>('verify', '--read-data');
    expect(verified).toMatchObject({ packs: 2, packsRead: 1, differences: [], cold: [short(first)] });
    const text = (await cold.home.clawback('verify', '--read-data')).expect(0).text;
    expect(text).toContain('1 object cold, not read');
    // A cold manifest hides its pack's size, and makes no stray of it.
    cold.freeze('GLACIER', [...cold.keysOf('manifests'), second]);
    expect(await cold.home.json<VerifyJson>('verify', '--read-data')).toMatchObject({
      packs: 2,
      packsRead: 0,
      differences: [],
      strayPacks: [],
      cold: cold
        .keysOf('manifests')
        .map((key) => `manifest of ${key.split('/').at(-1)?.replace('.json.zst', '')}`),
    });
  });

  test('drill draws what can be read, and says that it has proven nothing where nothing can', async () => {
    const agents = ['a1', 'a2', 'a3'];
    const cold = await ColdHome.create(agents);
    const packs = cold.keysOf('packs');
    cold.freeze('GLACIER', packs.slice(0, 2));
    const drilled = await cold.home.json<{ sampled: number; cold: number; ok: boolean }>(
      'drill',
      '--sample',
      '3',
    );
    expect(drilled).toMatchObject({ archived: 3, sampled: 1, cold: 2, ok: true, damaged: [] });
    const text = (await cold.home.clawback('drill')).expect(0).text;
    expect(text).toContain('passed over 2 sessions in cold storage');
    expect(text).toContain('all came back as archived');

    cold.freeze('GLACIER', packs);
    cold.glacier.reads.length = 0;
    const nothing = (await cold.home.clawback('drill')).expect(0).text;
    expect(nothing).toContain('this drill proves nothing');
    expect(nothing).not.toContain('all came back');
    expect(cold.glacier.reads.filter((key) => key.includes('/packs/'))).toEqual([]);
  });

  test('a conversation does not wait for a flight recorder that is cold', async () => {
    const cold = await ColdHome.create();
    const { home } = cold;
    const later = threadOf('C0LATER', '1763000000.000001', {
      sessionId: 'session-later',
      updatedAtMs: home.nowMs - 9 * DAY_MS,
      text: 'later',
    });
    const recorder = transcriptName(later).replace(/\.jsonl$/, '.trajectory.jsonl');
    await writeThreadStore(home.storePath(), { main: [later] });
    await writeAged(join(home.sessionsDir(), recorder), '{"type":"session.started"}\n', later.updatedAtMs);
    const before = new Set(cold.keysOf('packs'));
    await home.configure({ ...cold.settings, retention: {} });
    (await home.clawback('reclaim', '--max-disk', '1KB')).expect(3);
    await home.configure(cold.settings);
    cold.pass(HOUR_MS);
    await cold.archive();
    // That of the recorder was written first, and keys begin with the time.
    const [first = ''] = cold.keysOf('packs').filter((key) => !before.has(key));
    cold.freeze('GLACIER', [first]);
    const key = `agent:main:${later.rest}`;
    const { sessions } = await home.json<ListJson>('list', '--key', key);
    const restored = await home.json<RestoreJson>('restore', key);
    expect(restored.recordersLeft).toEqual([{ archiveId: sessions[0]?.archiveId, why: 'cold' }]);
    expect(restored.files.map(({ name }) => name)).toEqual([transcriptName(later)]);
    const refused = await home.clawback('restore', sessions[0]?.archiveId ?? '', '--json');
    expect(refused.expect(1).json<ErrorJson>().code).toBe('object-cold');
  });

  test('of a batch that gc has written anew are known by the pack that it has now', async () => {
    const cold = await ColdHome.create();
    const threads = ['1762500000.000002', '1762500000.000003'].map((ts) => {
      const updatedAtMs = cold.home.nowMs - 9 * DAY_MS;
      return threadOf('C0SHARED', ts, { sessionId: `session-${ts}`, updatedAtMs, text: `heard at ${ts}` });
    });
    await writeThreadStore(cold.home.storePath('main'), { main: threads });
    await cold.archive();
    const [gone = '', stays = ''] = threads.map(({ rest }) => `agent:main:${rest}`);
    await cold.home.json('forget', gone, '--yes');
    cold.pass(8 * DAY_MS);
    await cold.home.json('gc');
    await cold.archive();
    const [pack = '', ...others] = cold.keysOf('packs').filter((key) => key.includes('.r1.'));
    expect(others).toEqual([]);
    cold.freeze('GLACIER', [pack]);

    const refused = (await cold.home.clawback('cat', stays)).expect(1);
    expect(refused.stderr).toMatch(/^clawback: print a transcript: .*\n {2}/);
    expect(refused.stderr).toContain('--thaw');
    expect(await cold.home.json('drill', '--sample', '9')).toMatchObject({ sampled: 1, cold: 1, ok: true });
  });

  test('doctor says what a cold pack means, and warns where a manifest is cold', async () => {
    const cold = await ColdHome.create();
    const findings = async () => {
      const { checks } = await cold.home.json<{
        checks: { name: string; findings: { level: string; text: string }[] }[];
      }>('doctor');
      return (checks.find(({ name }) => name === 'archive')?.findings ?? []).filter(({ text }) =>
        / lie in /.test(text),
      );
    };
    expect(await findings()).toEqual([]);
    cold.freeze('DEEP_ARCHIVE');
    expect(await findings()).toMatchObject([
      {
        level: 'ok',
        text: expect.stringMatching(/oldest packs lie in DEEP_ARCHIVE.*--thaw, up to 12 hours/),
      },
    ]);
    cold.freeze('DEEP_ARCHIVE', cold.keysOf('manifests'));
    expect(await findings()).toMatchObject([
      { level: 'ok' },
      { level: 'warning', text: expect.stringContaining('the oldest manifests lie in DEEP_ARCHIVE') },
    ]);
  });

  test('a nightly run removes old tombstones of cold packs unread, and keeps those of cold manifests', async () => {
    const cold = await ColdHome.create(['a1', 'a2'], { protectedRemoveAfter: '30d' });
    const [manifest = ''] = cold.keysOf('manifests');
    cold.freeze('DEEP_ARCHIVE', [...cold.keysOf('packs'), manifest]);
    cold.glacier.reads.length = 0;
    cold.pass(31 * DAY_MS);
    const run = (await cold.home.clawback('archive', '--json')).json<{
      done: { tombstonesRemoved: number };
      tombstonesKept: { why: string }[];
      problems: { error: ErrorJson }[];
    }>();
    expect(run).toMatchObject({
      done: { tombstonesRemoved: 1 },
      tombstonesKept: [{ why: 'not-in-archive' }],
      problems: [{ error: { code: 'object-cold' } }],
    });
    expect(cold.glacier.reads.filter((key) => key.includes('/packs/'))).toEqual([]);
  });

  test('an unfinished batch whose pack got cold is told, and keeps nothing else from being archived', async () => {
    const cold = await ColdHome.create();
    const { home } = cold;
    const [catalogue = ''] = cold.keysOf('catalogue');
    const client = rawClient(s3Access());
    await client.send(new DeleteObjectCommand({ Bucket: cold.bucket, Key: catalogue }));
    client.destroy();
    cold.freeze('DEEP_ARCHIVE');
    const thread = threadOf('C0OTHER', '1762500000.000002', {
      sessionId: 'another',
      updatedAtMs: home.nowMs - 9 * DAY_MS,
      text: 'another',
    });
    await writeThreadStore(home.storePath('ops'), { ops: [thread] });
    const run = (await home.clawback('archive', '--json')).expect(3).json<{
      done: { protectedRowsTrimmed: number };
      problems: { error: ErrorJson }[];
    }>();
    expect(run).toMatchObject({
      done: { protectedRowsTrimmed: 1 },
      problems: [{ error: { code: 'object-cold', hint: expect.stringContaining('--thaw') } }],
    });
    expect(cold.glacier.asked).toEqual([]);
  });

  test('a nightly run neither reads nor thaws a cold pack', async () => {
    const cold = await ColdHome.create();
    cold.freeze('DEEP_ARCHIVE');
    cold.glacier.reads.length = 0;
    cold.pass(DAY_MS);
    const run = await cold.home.json<{ problems: unknown[]; failures: unknown[] }>('archive');
    expect(run).toMatchObject({ problems: [], failures: [] });
    expect(cold.glacier.reads.filter((key) => key.includes('/packs/'))).toEqual([]);
    expect(cold.glacier.asked).toEqual([]);
  });
});
