import { lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { manifestKey } from '../../src/manifest/keys.ts';
import { encodeManifest } from '../../src/manifest/manifest.ts';
import { openHomeArchive } from '../support/fault-stories.ts';
import { attachmentId, type SentImage, writeMedia } from '../support/media.ts';
import type { ArchiveJson, ErrorJson, ListJson, RestoreJson, VerifyJson } from './support/answers.ts';
import { DAY_MS, HOUR_MS, Home } from './support/home.ts';
import { findProgram, unpackByHand } from './support/programs.ts';
import { revive } from './support/revived.ts';
import { threadOf, writeAged, writeThreadStore } from './support/rooms.ts';
import { fingerprint, readTree } from './support/tree.ts';
import { TRIM } from './support/trimmed.ts';

const hasZstd = (await findProgram('zstd')) !== undefined && (await findProgram('tar')) !== undefined;

const OLD_KEY = 'agent:main:slack:channel:c0old:thread:1762500000.000100';
const ALSO_OLD_KEY = 'agent:main:slack:channel:c0also:thread:1762500000.000200';
const BUSY_KEY = 'agent:main:slack:channel:c0busy:thread:1763600000.000300';

/** Two conversations of nine days ago and one of today. */
async function threeThreads(): Promise<Home> {
  const home = await Home.create({ settings: TRIM });
  const thread = (channel: string, ts: string, n: number, ageMs: number) =>
    threadOf(channel, ts, {
      sessionId: `session-${n}`,
      updatedAtMs: home.nowMs - ageMs,
      text: `number ${n}`,
    });
  await writeThreadStore(home.storePath(), {
    main: [
      thread('C0OLD', '1762500000.000100', 1, 9 * DAY_MS),
      thread('C0ALSO', '1762500000.000200', 2, 9 * DAY_MS),
      thread('C0BUSY', '1763600000.000300', 3, 2 * HOUR_MS),
    ],
  });
  return home;
}

const mediaDir = (home: Home) => join(home.stateDir, 'media', 'outgoing');
const send = (home: Home, sent: SentImage) => writeMedia(mediaDir(home), home.nowMs, sent);
const record = (n: number) => `records/${attachmentId(n)}.json`;
const image = (n: number) => `originals/generated-image-1---${attachmentId(n)}.png`;

describe('images that the gateway sent in a conversation', () => {
  test('are archived with it, removed with it, counted, and come back with it', async () => {
    const home = await threeThreads();
    await send(home, { n: 1, sessionKey: OLD_KEY, ageMs: 9 * DAY_MS });
    await send(home, { n: 3, sessionKey: BUSY_KEY, ageMs: 2 * HOUR_MS });
    const before = await readTree(mediaDir(home));
    const dry = await home.json<ArchiveJson>('archive', '--dry-run');
    const planned = dry.plan[0]?.selected.find(({ sessionKey }) => sessionKey === OLD_KEY);
    expect(planned?.files.map(({ name }) => name)).toEqual([
      'session-1-topic-1762500000.000100.jsonl',
      `media/outgoing/${record(1)}`,
      `media/outgoing/${image(1)}`,
    ]);
    expect(dry.planned.selectedFiles).toBe(4);
    const { done, filesLeft } = await home.json<ArchiveJson>('archive');
    expect([done.filesArchived, done.filesReclaimed, filesLeft]).toEqual([4, 4, []]);
    expect(Object.keys(await readTree(mediaDir(home)))).toEqual([image(3), record(3)]);
    const { sessions } = await home.json<ListJson>('list', '--key', OLD_KEY);
    expect(sessions.map(({ files }) => files)).toEqual([3]);
    const restored = await home.json<RestoreJson>('restore', OLD_KEY);
    expect(restored.files.map(({ name, state }) => [name, state])).toEqual([
      ['session-1-topic-1762500000.000100.jsonl', 'absent'],
      [`media/outgoing/${record(1)}`, 'absent'],
      [`media/outgoing/${image(1)}`, 'absent'],
    ]);
    expect(await readTree(mediaDir(home))).toEqual(before);
    expect(await readdir(mediaDir(home))).toEqual(['originals', 'records']);
  });

  test('come back on a machine that never had any', async () => {
    const home = await threeThreads();
    await send(home, { n: 1, sessionKey: OLD_KEY, ageMs: 9 * DAY_MS });
    const before = await readTree(mediaDir(home));
    await home.json('archive');
    await rm(join(home.stateDir, 'media'), { recursive: true });
    await home.json('restore', OLD_KEY);
    expect(await readTree(mediaDir(home))).toEqual(before);
    expect((await lstat(mediaDir(home))).mode & 0o777).toBe(0o700);
  });

  test('go into a subfolder with --to, and are proven by verify', async () => {
    const home = await threeThreads();
    await send(home, { n: 1, sessionKey: OLD_KEY, ageMs: 9 * DAY_MS });
    const before = await readTree(mediaDir(home));
    await home.json('archive');
    const folder = join(home.root, 'elsewhere');
    await home.json('restore', OLD_KEY, '--to', folder);
    expect(await readTree(join(folder, 'media', 'outgoing'))).toEqual(before);
    const { differences } = await home.json<VerifyJson>('verify', '--read-data');
    expect(differences).toEqual([]);
  });

  test.skipIf(!hasZstd)('lie in the tar in a place of their own, below the agent', async () => {
    const home = await threeThreads();
    await send(home, { n: 1, sessionKey: OLD_KEY, ageMs: 9 * DAY_MS });
    const bytes = await readFile(join(mediaDir(home), image(1)));
    await home.json('archive');
    const pack = Object.keys(await home.objects()).find((name) => name.includes('/packs/')) ?? '';
    const folder = join(home.root, 'by-hand');
    await mkdir(folder);
    await unpackByHand(join(home.archiveDir, pack), folder);
    expect(await readFile(join(folder, 'main', 'media', 'outgoing', image(1)))).toEqual(bytes);
  });

  test('stay with a file that differs, until --force sets it aside where the gateway does not clean', async () => {
    const home = await threeThreads();
    const [, path] = await send(home, { n: 1, sessionKey: OLD_KEY, ageMs: 9 * DAY_MS });
    const bytes = await readFile(path);
    await home.json('archive');
    await writeAged(path, 'another image', home.nowMs);
    const result = await home.clawback('restore', OLD_KEY, '--json');
    expect(result.expect(1).json<ErrorJson>()).toMatchObject({
      code: 'restore-conflict',
      hint: expect.stringContaining(image(1)),
    });
    expect(await readFile(path, 'utf8')).toBe('another image');
    const { setAside } = await home.json<RestoreJson>('restore', OLD_KEY, '--force');
    expect(await readFile(join(mediaDir(home), setAside[0] ?? ''), 'utf8')).toBe('another image');
    expect(await readFile(path)).toEqual(bytes);
  });
});

test('beside a newer session they stay in the archive, where OpenClaw cannot remove them, until --resume', async () => {
  const home = await threeThreads();
  await send(home, { n: 1, sessionKey: OLD_KEY, ageMs: 9 * DAY_MS });
  const before = await readTree(mediaDir(home));
  await home.json('archive');
  const thread = threadOf('C0OLD', '1762500000.000100', {
    sessionId: 'x',
    updatedAtMs: home.nowMs,
    text: 'x',
  });
  await revive({ home, thread, key: OLD_KEY });
  const beside = await home.json<RestoreJson & { mediaLeft: number }>('restore', OLD_KEY);
  expect([beside.row, beside.files.length, beside.mediaLeft]).toEqual(['revived', 1, 2]);
  expect(await readTree(mediaDir(home))).toEqual({});
  const resumed = await home.json<RestoreJson & { mediaLeft: number }>('restore', OLD_KEY, '--resume');
  expect([resumed.row, resumed.files.length, resumed.mediaLeft]).toEqual(['restored', 3, 0]);
  expect(await readTree(mediaDir(home))).toEqual(before);
});

describe('an image that two conversations have sent', () => {
  test('goes when both are archived in one night', async () => {
    const home = await threeThreads();
    await send(home, { n: 1, sessionKey: OLD_KEY, ageMs: 9 * DAY_MS, image: 'logo.png' });
    await send(home, { n: 2, sessionKey: ALSO_OLD_KEY, ageMs: 9 * DAY_MS, image: 'logo.png' });
    await home.json('archive');
    expect(await readTree(mediaDir(home))).toEqual({});
  });

  test('stays for the one that stays, comes back with the other, and goes with the last', async () => {
    const home = await threeThreads();
    await send(home, { n: 1, sessionKey: OLD_KEY, ageMs: 9 * DAY_MS, image: 'logo.png' });
    await send(home, { n: 3, sessionKey: BUSY_KEY, ageMs: 2 * HOUR_MS, image: 'logo.png' });
    const before = await readTree(mediaDir(home));
    const { filesLeft } = await home.json<ArchiveJson>('archive');
    expect(filesLeft).toEqual([
      {
        name: 'media/outgoing/originals/logo.png',
        why: 'another attachment record names it',
        isFailure: false,
      },
    ]);
    expect(Object.keys(await readTree(mediaDir(home)))).toEqual(['originals/logo.png', record(3)]);
    await home.json('restore', OLD_KEY);
    expect(await readTree(mediaDir(home))).toEqual(before);
    home.nowMs += 9 * DAY_MS;
    await home.json('archive');
    expect(await readTree(mediaDir(home))).toEqual({});
    await home.json('restore', BUSY_KEY);
    expect(Object.keys(await readTree(mediaDir(home)))).toEqual(['originals/logo.png', record(3)]);
  });
});

describe('what nobody may follow', () => {
  test('a record that names a file elsewhere stays with it, the plan says why, and the conversation goes', async () => {
    const home = await threeThreads();
    const victim = join(home.root, 'victim.png');
    await writeFile(victim, 'precious');
    await send(home, {
      n: 1,
      sessionKey: OLD_KEY,
      ageMs: 9 * DAY_MS,
      fields: { original: { path: victim } },
    });
    const before = await fingerprint(mediaDir(home));
    const dry = await home.clawback('archive', '--dry-run', '--json');
    expect(dry.expect(0).json<{ plan: { keptMedia: unknown[] }[] }>().plan[0]?.keptMedia).toEqual([
      { name: `media/outgoing/${record(1)}`, reason: 'media-elsewhere', text: expect.any(String) },
    ]);
    expect((await home.clawback('archive', '--dry-run')).text).toContain(
      `left media/outgoing/${record(1)}: the image that it names lies outside`,
    );
    const { done } = await home.json<ArchiveJson>('archive');
    expect(done.protectedRowsTrimmed).toBe(2);
    expect(await fingerprint(mediaDir(home))).toEqual(before);
    expect(await readFile(victim, 'utf8')).toBe('precious');
  });

  test('a media folder that is a link is not read, and not written by a restore', async () => {
    const home = await threeThreads();
    await send(home, { n: 1, sessionKey: OLD_KEY, ageMs: 9 * DAY_MS });
    await home.json('archive');
    const elsewhere = join(home.root, 'elsewhere');
    await rename(join(home.stateDir, 'media'), elsewhere);
    await symlink(elsewhere, join(home.stateDir, 'media'));
    const before = await fingerprint(elsewhere);
    const result = await home.clawback('restore', OLD_KEY, '--json');
    expect(result.expect(1).json<ErrorJson>().code).toBe('restore-conflict');
    expect(await fingerprint(elsewhere)).toEqual(before);
  });

  test('an archive that gives another record than the session had puts nothing in place', async () => {
    const home = await threeThreads();
    // OpenClaw removes whatever file a record names: only what was archived for the session itself may say so.
    await send(home, { n: 1, sessionKey: OLD_KEY, ageMs: 9 * DAY_MS });
    await home.json('archive');
    const { sessions } = await home.json<ListJson>('list', '--key', OLD_KEY);
    const archive = await openHomeArchive(home);
    const [batchId = ''] = await archive.batchIds();
    const manifest = await archive.manifest(batchId);
    const forged = manifest.sessions.map((session) =>
      session.sessionKey === OLD_KEY ? { ...session, sessionKey: 'agent:main:forged' } : session,
    );
    const key = manifestKey(archive.instance, batchId);
    await rm(join(home.archiveDir, key));
    const frame = archive.codec.compress(encodeManifest({ ...manifest, sessions: forged }), 3);
    await archive.objects.put(key, frame);
    const before = await fingerprint(home.sessionsDir());
    const result = await home.clawback('restore', sessions[0]?.archiveId ?? '', '--json');
    expect(result.expect(1).json<ErrorJson>().code).toBe('manifest-invalid');
    expect(await fingerprint(home.sessionsDir())).toEqual(before);
    expect(await readTree(mediaDir(home))).toEqual({});
  });
});
