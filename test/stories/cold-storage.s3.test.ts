import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasS3 } from '../support/s3-provided.ts';
import type { ErrorJson } from './support/answers.ts';
import { ColdHome, type Restored } from './support/cold-home.ts';
import { DAY_MS, HOUR_MS, Home, NOW_MS } from './support/home.ts';
import { type Thread, transcriptName, transcriptText, writeThreadStore } from './support/rooms.ts';
import { readTree } from './support/tree.ts';

describe.skipIf(!hasS3)('a conversation whose pack lies in Glacier', () => {
  test('is told with its cost, asked for, waited for, restored, and cold again in the end', async () => {
    const cold = await ColdHome.create();
    const { home, glacier } = cold;
    cold.freeze('GLACIER');
    const filesBefore = await cold.files();

    const plan = await cold.refused('restore', cold.selector());
    expect(plan).toMatchObject({
      code: 'object-cold',
      message: expect.stringContaining('nothing was restored'),
      thaw: {
        state: 'needed',
        days: 3,
        objects: [{ storage: 'GLACIER', state: 'cold', coldAgainAt: null, askedAt: null }],
        prices: { region: 'us-east-1' },
      },
    });
    expect(plan.thaw.objects.map(({ key }) => `archive/${key}`)).toEqual(cold.keysOf('packs'));
    expect(plan.thaw.bytes).toBe(plan.thaw.objects[0]?.bytes);
    expect(plan.thaw.estimates.map(({ tier, takes }) => [tier, takes])).toEqual([
      ['expedited', '1-5 minutes'],
      ['standard', '3-5 hours'],
      ['bulk', '5-12 hours'],
    ]);
    const text = (await home.clawback('restore', cold.selector())).expect(1);
    expect(text.text).toBe('');
    expect(text.stderr).toMatch(/must be thawed first, 1 object/);
    expect(text.stderr).toMatch(/clawback restore \S+\.0 --thaw +3-5 hours +under \$0\.01/);
    expect(text.stderr).toMatch(/prices of us-east-1 as of 20\d\d-\d\d, yours may differ/);
    expect(text.stderr).not.toContain(' at ');
    expect(glacier.asked).toEqual([]);
    expect(await cold.files()).toEqual(filesBefore);

    const asked = await home.json<Restored>('restore', cold.selector(), '--thaw');
    expect(asked).toMatchObject({
      row: 'untouched',
      files: [],
      thaw: { state: 'requested', objects: [{ state: 'thawing', askedTier: 'standard' }] },
    });
    expect(asked.thaw?.objects[0]?.readyBy).toBe(new Date(NOW_MS + 5 * HOUR_MS).toISOString());
    expect(glacier.asked).toEqual([`${cold.keysOf('packs')[0]} Standard 3`]);

    cold.pass(HOUR_MS);
    // Asked again it asks for nothing again, and says since when it waits.
    const again = (await home.clawback('restore', cold.selector(), '--thaw', 'bulk')).expect(0);
    expect(again.text).toContain('a thaw is under way already, 1 object');
    expect(again.text).toContain(
      'thawing since 2026-11-21 09:30 UTC (standard), due by 2026-11-21 14:30 UTC',
    );
    expect(glacier.asked).toHaveLength(1);
    expect(await cold.refused('restore', cold.selector())).toMatchObject({
      code: 'object-cold',
      message: expect.stringContaining('it is being thawed'),
      thaw: { state: 'in-progress' },
    });
    expect(await cold.files()).toEqual(filesBefore);

    cold.pass(4 * HOUR_MS);
    const restored = await home.json<Restored>('restore', cold.selector());
    expect(restored).toMatchObject({
      row: 'restored',
      thaw: {
        state: 'ready',
        bytes: 0,
        objects: [{ state: 'thawed', coldAgainAt: '2026-11-25T00:00:00.000Z' }],
        estimates: [],
      },
    });
    await cold.expectBack();

    cold.pass(10 * DAY_MS);
    const later = join(home.root, 'later');
    expect(await cold.refused('restore', cold.selector(), '--to', later)).toMatchObject({
      code: 'object-cold',
      thaw: { state: 'needed' },
    });
    // What is here already needs nothing of the archive.
    const here = await home.json<Restored>('restore', cold.selector());
    expect(here).toMatchObject({ files: [{ state: 'identical' }], thaw: null });
    expect(glacier.asked).toHaveLength(1);
  });

  test('goes to a folder as well, once it is thawed; with --thaw too', async () => {
    const cold = await ColdHome.create();
    cold.freeze('GLACIER');
    const folder = join(cold.home.root, 'elsewhere');
    const flags = ['restore', cold.selector(), '--to', folder];
    await cold.refused(...flags);
    const asked = await cold.home.json<Restored>(...flags, '--thaw', 'expedited', '--thaw-days', '1');
    expect(asked).toMatchObject({ to: folder, thaw: { state: 'requested', days: 1 } });
    expect(cold.glacier.asked).toEqual([`${cold.keysOf('packs')[0]} Expedited 1`]);
    cold.pass(5 * 60_000);
    const done = await cold.home.json<Restored>(...flags, '--thaw');
    expect(done).toMatchObject({ to: folder, thaw: { state: 'ready' } });
    expect(cold.glacier.asked).toHaveLength(1);
    expect(await readTree(folder)).toEqual(cold.before.main);
  });

  test('a dry run asks for nothing, with --thaw or without', async () => {
    const cold = await ColdHome.create();
    cold.freeze('GLACIER');
    for (const flags of [[], ['--thaw'], ['--to', join(cold.home.root, 'x'), '--thaw', 'bulk']]) {
      const plan = await cold.home.json<Restored>('restore', cold.selector(), '--dry-run', ...flags);
      expect(plan).toMatchObject({ dryRun: true, files: [{ state: 'absent' }], thaw: { state: 'needed' } });
    }
    const text = (await cold.home.clawback('restore', cold.selector(), '--dry-run', '--thaw')).expect(0).text;
    expect(text).toMatch(/would restore .*\n.*\n.*\n {2}it must be thawed first: 1 object/);
    expect(cold.glacier.asked).toEqual([]);
  });

  test('a restore that would be refused anyway asks for nothing', async () => {
    const cold = await ColdHome.create();
    const { home } = cold;
    await home.json('restore', cold.selector());
    const name = transcriptName(cold.threads.main as Thread);
    await writeThreadStore(home.storePath(), {
      main: [{ ...(cold.threads.main as Thread), text: 'something newer' }],
    });
    cold.freeze('GLACIER');
    const refused = (await home.clawback('restore', cold.selector(), '--thaw', '--json')).expect(1);
    expect(refused.json<ErrorJson>()).toMatchObject({
      code: 'restore-conflict',
      hint: expect.stringContaining(name),
    });
    expect(cold.glacier.asked).toEqual([]);
  });

  test('a manifest that is cold too is asked for with its pack', async () => {
    const cold = await ColdHome.create();
    const both = [...cold.keysOf('manifests'), ...cold.keysOf('packs')];
    cold.freeze('DEEP_ARCHIVE', both);
    const plan = await cold.refused('restore', cold.selector());
    expect(plan.thaw.objects.map(({ key }) => `archive/${key}`)).toEqual(both);
    expect(plan.thaw.estimates.map(({ tier }) => tier)).toEqual(['standard', 'bulk']);
    const dry = await cold.home.json<Restored>('restore', cold.selector(), '--dry-run', '--thaw');
    expect(dry).toMatchObject({ dryRun: true, files: [], thaw: { state: 'needed' } });
    expect(cold.glacier.asked).toEqual([]);
    await cold.home.json('restore', cold.selector(), '--thaw', 'bulk', '--thaw-days', '7');
    expect(cold.glacier.asked).toEqual(both.map((key) => `${key} Bulk 7`));
    cold.pass(48 * HOUR_MS);
    expect(await cold.home.json<Restored>('restore', cold.selector())).toMatchObject({ row: 'restored' });
    await cold.expectBack();
  });

  test('Intelligent-Tiering takes no days, and what it has thawed stays', async () => {
    const cold = await ColdHome.create();
    cold.freeze('ARCHIVE_ACCESS');
    const plan = await cold.refused('restore', cold.selector());
    expect(plan.thaw.objects).toMatchObject([{ storage: 'ARCHIVE_ACCESS', state: 'cold' }]);
    expect(plan.thaw.estimates.find(({ tier }) => tier === 'standard')?.totalUsd).toBe(0);
    await cold.home.json('restore', cold.selector(), '--thaw');
    expect(cold.glacier.asked).toEqual([`${cold.keysOf('packs')[0]} Standard -`]);
    cold.pass(5 * HOUR_MS);
    expect(await cold.home.json<Restored>('restore', cold.selector())).toMatchObject({ thaw: null });
    await cold.expectBack();
  });

  test('a tier that the storage has not is a wrong flag; one without capacity says what to do', async () => {
    const cold = await ColdHome.create();
    cold.freeze('DEEP_ARCHIVE');
    const wrong = (
      await cold.home.clawback('restore', cold.selector(), '--thaw', 'expedited', '--json')
    ).expect(2);
    expect(wrong.json<ErrorJson>()).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('DEEP_ARCHIVE has no expedited thaw'),
      hint: expect.stringContaining('--thaw bulk'),
    });
    expect(cold.glacier.asked).toEqual([]);
    cold.freeze('GLACIER');
    cold.glacier.hasExpeditedCapacity = false;
    const full = (
      await cold.home.clawback('restore', cold.selector(), '--thaw', 'expedited', '--json')
    ).expect(1);
    expect(full.json<ErrorJson>()).toMatchObject({
      code: 'archive-unreachable',
      hint: expect.stringContaining('--thaw standard'),
    });
    expect(await cold.home.json<Restored>('restore', cold.selector(), '--thaw')).toMatchObject({
      thaw: { state: 'requested' },
    });
  });

  test('a thaw that somebody else asked for is told without since when', async () => {
    const cold = await ColdHome.create();
    cold.freeze('GLACIER');
    await cold.home.json('restore', cold.selector(), '--thaw', 'bulk');
    const [pack = ''] = cold.keysOf('packs');
    const { instance } = await cold.home.json<{ instance: string }>('list');
    const other = await Home.create({ settings: { ...cold.settings, instance } });
    const refused = (await other.clawback('restore', cold.selector(), '--to', join(other.root, 'x'))).expect(
      1,
    );
    expect(refused.stderr).toContain(
      `${pack.slice('archive/'.length)}  ${refused.stderr.match(/\d+ B|[\d.]+ KB/)?.[0]}  GLACIER, thawing; it was not asked for from here`,
    );
  });
});

test.skipIf(!hasS3)('a cold catalogue keeps another host from finding anything, and is named', async () => {
  const cold = await ColdHome.create();
  const { instance } = await cold.home.json<{ instance: string }>('list');
  const catalogue = cold.keysOf('catalogue');
  cold.freeze('GLACIER', catalogue);
  const other = await Home.create({ settings: { ...cold.settings, instance } });
  const refused = (await other.clawback('restore', cold.selector(), '--thaw', '--json')).expect(1);
  expect(refused.json<ErrorJson>()).toMatchObject({
    code: 'object-cold',
    message: expect.stringContaining(catalogue[0]?.slice('archive/'.length) ?? '-'),
    hint: expect.stringContaining('docs/cold-storage.md'),
  });
  // This host has a copy.
  expect(await cold.home.json<Restored>('restore', cold.selector())).toMatchObject({ row: 'restored' });
  expect(cold.glacier.asked).toEqual([]);
});

describe('flags that make no sense', () => {
  test.each([
    [['--thaw-days', '3'], 'add --thaw'],
    [['--thaw', '--thaw-days', '0'], 'from 1 to 365'],
    [['--thaw', '--thaw-days', '1.5'], 'from 1 to 365'],
    [['--thaw', 'soon'], 'expedited, standard, bulk'],
  ])('%j is refused before the archive is asked', async (flags, hint) => {
    const home = await Home.create();
    const refused = (await home.clawback('restore', 'agent:main:x', ...flags)).expect(2);
    expect(refused.stderr).toContain(hint);
  });

  test('a selector behind --thaw is no tier', async () => {
    const refused = (await (await Home.create()).clawback('restore', '--thaw', 'agent:main:x')).expect(2);
    expect(refused.stderr).toContain('the selector comes before --thaw');
  });
});

describe.skipIf(!hasS3)('clawback cat', () => {
  test('cat prints nothing and says what to type, then prints it', async () => {
    const cold = await ColdHome.create();
    cold.freeze('GLACIER');
    const refused = (await cold.home.clawback('cat', '--raw', cold.selector())).expect(1);
    expect(refused.text).toBe('');
    expect(refused.stderr).toMatch(/print a transcript: it must be thawed first/);
    expect(refused.stderr).toMatch(/clawback restore \S+\.0 --thaw +3-5 hours/);
    expect(await cold.home.json('cat', cold.selector())).toMatchObject({ schema: 'clawback.cat/1' });
    await cold.home.json('restore', cold.selector(), '--thaw');
    cold.pass(5 * HOUR_MS);
    const printed = (await cold.home.clawback('cat', '--raw', cold.selector())).expect(0);
    expect(printed.text).toBe(transcriptText(cold.threads.main as Thread));
  });

  test('cat of several generations says which can be read', async () => {
    const cold = await ColdHome.create();
    await cold.home.json('restore', cold.selector());
    cold.pass(30 * DAY_MS);
    await cold.archive();
    const [first = '', second = ''] = cold.keysOf('packs');
    expect(second).not.toBe('');
    cold.freeze('GLACIER', [first]);
    const refused = (await cold.home.clawback('cat', cold.selector())).expect(1);
    expect(refused.text).toBe('');
    expect(refused.stderr).toContain('1 of 2 generations must be thawed first');
    expect(refused.stderr).toContain('can be read now: --generation 2');
    const printed = (await cold.home.clawback('cat', '--raw', '--generation', '2', cold.selector())).expect(
      0,
    );
    expect(printed.text).toBe(transcriptText(cold.threads.main as Thread));
    // Of what is restored nothing is cold either: only the newest generation is looked at.
    expect(await cold.home.json<Restored>('restore', cold.selector(), '--thaw')).toMatchObject({
      thaw: null,
    });
    expect(cold.glacier.asked).toEqual([]);
  });
});
