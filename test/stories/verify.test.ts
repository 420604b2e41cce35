import { appendFile, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ListJson, VerifyJson } from './support/answers.ts';
import { DAY_MS, Home } from './support/home.ts';
import { threadOf, writeThreadStore } from './support/rooms.ts';

const AGENTS = ['a1', 'a2', 'a3'];

interface Archived {
  readonly home: Home;
  /** Full paths, one of each for every agent. */
  readonly packs: readonly string[];
  readonly manifests: readonly string[];
  readonly catalogue: string;
}

/** Three agents with a thread each: three packs, three manifests and the catalogue of one run. */
async function archived(): Promise<Archived> {
  const home = await Home.create({ settings: { retention: { protectedPruneAfter: '7d' } } });
  for (const [index, agentId] of AGENTS.entries()) {
    const thread = {
      sessionId: `s-${agentId}`,
      updatedAtMs: home.nowMs - 9 * DAY_MS,
      text: 'x'.repeat(2000),
    };
    await writeThreadStore(home.storePath(agentId), {
      [agentId]: [threadOf('C0A', `176250000${index}.000000`, thread)],
    });
  }
  await home.json('archive');
  const paths = Object.keys(await home.objects()).map((key) => join(home.archiveDir, key));
  const packs = paths.filter((path) => path.includes('/packs/'));
  const manifests = paths.filter((path) => path.includes('/manifests/'));
  const [catalogue = ''] = paths.filter((path) => path.includes('/catalogue/'));
  expect({ packs: packs.length, manifests: manifests.length }).toEqual({ packs: 3, manifests: 3 });
  return { home, packs, manifests, catalogue };
}

async function verify(home: Home, exitCode: number, ...flags: string[]): Promise<VerifyJson> {
  return (await home.clawback('verify', '--json', ...flags)).expect(exitCode).json<VerifyJson>();
}

/** The object's key as an operator would look for it in the bucket. */
function keyOf({ home }: Archived, path: string): string {
  return path.slice(home.archiveDir.length + 1);
}

async function flipByte(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
  await writeFile(path, bytes);
}

describe('clawback verify', () => {
  test('finds nothing wrong with what a run wrote, and reads only if it is told to', async () => {
    const { home } = await archived();
    expect(await verify(home, 0)).toMatchObject({
      manifests: 3,
      packs: 3,
      sessions: 3,
      packsRead: 0,
      differences: [],
      uncatalogued: [],
      strayPacks: [],
    });
    expect(await verify(home, 0, '--read-data')).toMatchObject({ packsRead: 3, differences: [] });
    expect((await verify(home, 0, '--read-data=50%')).packsRead).toBeLessThanOrEqual(3);
    (await home.clawback('verify', '--read-data=101')).expect(2);
    (await home.clawback('verify', '--read-data=0')).expect(2);
  });

  test('a pack that is gone is a difference', async () => {
    const all = await archived();
    await rm(all.packs[1] ?? '');
    const { differences } = await verify(all.home, 1);
    expect(differences).toEqual([
      { key: keyOf(all, all.packs[1] ?? ''), error: expect.objectContaining({ code: 'object-not-found' }) },
    ]);
  });

  test('a pack that lost its tail is a difference, sizes alone tell', async () => {
    const all = await archived();
    const [pack = ''] = all.packs;
    await truncate(pack, (await stat(pack)).size - 1);
    const { differences } = await verify(all.home, 1);
    expect(differences).toEqual([
      { key: keyOf(all, pack), error: expect.objectContaining({ code: 'object-corrupt' }) },
    ]);
  });

  test('a flipped byte is found by --read-data only', async () => {
    const all = await archived();
    const [, , pack = ''] = all.packs;
    await flipByte(pack, Math.floor((await stat(pack)).size / 2));
    expect((await verify(all.home, 0)).differences).toEqual([]);
    const { differences } = await verify(all.home, 1, '--read-data');
    expect(differences.map(({ key }) => key)).toEqual([keyOf(all, pack)]);
  });

  test('a difference is named on standard error even when it is told to be quiet', async () => {
    const all = await archived();
    await rm(all.packs[1] ?? '');
    const { text, stderr } = (await all.home.clawback('verify', '--quiet')).expect(1);
    expect(text).toBe('');
    expect(stderr).toContain(`DIFFERENT ${keyOf(all, all.packs[1] ?? '')}`);
    expect(stderr).toContain('(restore the bucket from a copy if you have one;');
  });

  test('a difference says what to do, unless that is to run this very command', async () => {
    const all = await archived();
    const [pack = ''] = all.packs;
    await truncate(pack, (await stat(pack)).size - 1);
    await writeFile(all.manifests[1] ?? '', 'no manifest');
    const { text } = (await all.home.clawback('verify')).expect(1);
    expect(text).toMatch(/^DIFFERENT .*\/packs\/.* \(restore the bucket from a copy if you have one; .*\)$/m);
    expect(text).toMatch(/^DIFFERENT manifest of .*[^)]$/m);
    expect(text).not.toContain('run clawback verify');
  });

  test('a flipped byte in a manifest is a difference', async () => {
    const all = await archived();
    const [manifest = ''] = all.manifests;
    await flipByte(manifest, Math.floor((await stat(manifest)).size / 2));
    const { differences, sessions } = await verify(all.home, 1);
    expect(differences).toHaveLength(1);
    expect(keyOf(all, manifest)).toContain(differences[0]?.key.replace('manifest of ', '') ?? '?');
    expect(sessions).toBe(2);
  });

  test('a manifest that is gone is a difference: the catalogue still names its sessions', async () => {
    const all = await archived();
    const [, manifest = ''] = all.manifests;
    await rm(manifest);
    const { differences, manifests } = await verify(all.home, 1);
    expect(manifests).toBe(2);
    expect(differences).toMatchObject([{ error: { code: 'object-not-found' } }]);
    expect(keyOf(all, manifest)).toContain(differences[0]?.key.replace('manifest of ', '') ?? '?');
  });

  test('lists every difference, to the end, and says so to people', async () => {
    const all = await archived();
    const [first = '', second = ''] = all.packs;
    const [, , manifest = ''] = all.manifests;
    await rm(first);
    await appendFile(second, 'x');
    await writeFile(manifest, 'no manifest');
    const { differences } = await verify(all.home, 1, '--read-data');
    expect(differences).toHaveLength(3);
    const { text } = (await all.home.clawback('verify')).expect(1);
    expect(text.match(/^DIFFERENT /gm)).toHaveLength(3);
    expect(text).toMatch(/^3 differences$/m);
  });

  test('without its catalogue the list is still complete, and the catalogue can be rebuilt', async () => {
    const { home, catalogue } = await archived();
    const before = await home.json<ListJson>('list');
    await rm(catalogue);
    await rm(join(home.stateDir, 'clawback', 'cache'), { recursive: true });
    expect((await home.json<ListJson>('list')).sessions).toEqual(before.sessions);
    expect((await verify(home, 0)).uncatalogued).toHaveLength(3);
    expect((await verify(home, 0, '--rebuild-catalogue')).rebuilt).toBe(true);
    expect(await verify(home, 0)).toMatchObject({ rebuilt: false, uncatalogued: [] });
    expect((await home.json<ListJson>('list')).sessions).toEqual(before.sessions);
  });

  test('rebuilding where nothing is missing writes nothing', async () => {
    const { home } = await archived();
    const before = await home.objects();
    expect((await verify(home, 0, '--rebuild-catalogue')).rebuilt).toBe(false);
    expect(await home.objects()).toEqual(before);
  });

  test('a pack that no manifest names is reported, and is no difference', async () => {
    const all = await archived();
    const { home } = all;
    const stray = join(all.packs[0] ?? '', '..', '20260101t000000z-00000000-0001.tar.zst');
    await writeFile(stray, 'an upload that was interrupted');
    expect(await verify(home, 0)).toMatchObject({ differences: [], strayPacks: [keyOf(all, stray)] });
    expect((await home.clawback('verify')).expect(0).text).toContain('belong to no manifest');
  });
});
