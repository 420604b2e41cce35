import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, readdir, rename, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Snapshot, scan } from '../../src/scan/scan.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { writeMedia } from '../support/media.ts';
import { DAY_MS, NO_ACTIVITY, NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function sessionsDir(rows: unknown = { 'agent:main:main': { sessionId: 'a' } }): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'sessions.json'), JSON.stringify(rows));
  return folder;
}

function scanned(
  folder: string,
  neighbours: readonly string[] = [],
  others: readonly string[] = [],
): Promise<Snapshot> {
  const storePath = join(folder, 'sessions.json');
  return scan({
    store: {
      id: 'main',
      agentId: 'main',
      storePath,
      sessionsDir: folder,
      mediaDir: join(folder, 'media', 'outgoing'),
      state: 'file',
    },
    sessions: new FileSessionStore(storePath),
    neighbours: neighbours.map((path) => new FileSessionStore(path)),
    others: others.map((path) => new FileSessionStore(path)),
    ownsOrphans: true,
    activity: NO_ACTIVITY,
  });
}

describe('a row of an agent in another folder', () => {
  it('counts as a neighbour where it names a transcript in this one, and only there', async () => {
    const folder = await sessionsDir();
    const guest = { sessionId: 'g', sessionFile: join(folder, 'g-topic-1.jsonl') };
    const other = await sessionsDir({ 'agent:b:main': guest, 'agent:b:cron:x': { sessionId: 'h' } });
    const { neighbourRows, ownsOrphans } = await scanned(folder, [], [join(other, 'sessions.json')]);
    expect(neighbourRows.map(({ sessionKey }) => sessionKey)).toEqual(['agent:b:main']);
    expect(ownsOrphans).toBe(true);
  });

  it.each([
    ['as a gateway in a container spells it', '/home/node/.openclaw/agents/main/sessions/g-topic-1.jsonl'],
    ['on a detour', 'SESSIONS/../sessions/g-topic-1.jsonl'],
  ])('counts as a neighbour where it names a transcript in this one %s', async (_how, sessionFile) => {
    const folder = join(await temporaryFolder(), 'agents', 'main', 'sessions');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'sessions.json'), '{}');
    const guest = { sessionId: 'g', sessionFile: sessionFile.replace('SESSIONS', folder) };
    const other = await sessionsDir({ 'agent:b:main': guest });
    const { neighbourRows } = await scanned(folder, [], [join(other, 'sessions.json')]);
    expect(neighbourRows.map(({ sessionKey }) => sessionKey)).toEqual(['agent:b:main']);
  });

  it('that cannot be read leaves every unreferenced file where it is', async () => {
    const torn = join(await temporaryFolder(), 'sessions.json');
    await writeFile(torn, '{"agent:b:main":');
    expect((await scanned(await sessionsDir(), [], [torn])).ownsOrphans).toBe(false);
  });
});

it('an image of a key that another store has too is nobody’s to take', async () => {
  const folder = await sessionsDir();
  const sent = { n: 1, sessionKey: 'agent:main:main', ageMs: DAY_MS };
  await writeMedia(join(folder, 'media', 'outgoing'), NOW_MS, sent);
  const other = join(await sessionsDir(), 'sessions.json');
  const keysOf = async (...parts: Parameters<typeof scanned>) => [
    ...(await scanned(...parts)).media.byKey.keys(),
  ];
  expect(await keysOf(folder)).toEqual(['agent:main:main']);
  expect(await keysOf(folder, [], [other])).toEqual([]);
  expect(await keysOf(folder, [other])).toEqual([]);
});

describe('a scan', () => {
  it('finds every file of the folder itself, under any name', async () => {
    const folder = await sessionsDir();
    const names = [
      'a.jsonl',
      '.hidden',
      'ünï 日本🙂.jsonl',
      'new\nline.jsonl',
      'back\\slash.jsonl',
      '*.jsonl',
      '[x].jsonl',
      '{a,b}.jsonl',
      '!not.jsonl',
      '-rf.jsonl',
      ' space .jsonl',
      `${'x'.repeat(249)}.jsonl`,
      '__proto__',
      'constructor.jsonl',
    ];
    for (const name of names) await writeFile(join(folder, name), 'x');
    expect([...(await scanned(folder)).files.keys()].sort()).toEqual([...names, 'sessions.json'].sort());
  });

  it('tells size, time, mode and identity exactly', async () => {
    const folder = await sessionsDir();
    const path = join(folder, 'a.jsonl');
    await writeFile(path, 'x'.repeat(5000));
    await chmod(path, 0o640);
    await utimes(path, 1_700_000_000.123, 1_700_000_000.123);
    const file = (await scanned(folder)).files.get('a.jsonl');
    expect(file).toMatchObject({
      kind: 'transcript',
      base: 'a',
      sizeBytes: 5000,
      mode: 0o640,
      isPlain: true,
    });
    expect(file?.mtimeMs).toBeCloseTo(1_700_000_000_123, 0);
    expect(file?.identity.size).toBe(5000n);
  });

  it('measures what a file holds on the disk, not how long it is', async () => {
    const folder = await sessionsDir();
    await writeFile(join(folder, 'sparse.jsonl'), '');
    await truncate(join(folder, 'sparse.jsonl'), 50 * 1024 * 1024);
    const file = (await scanned(folder)).files.get('sparse.jsonl');
    expect(file?.sizeBytes).toBe(50 * 1024 * 1024);
    expect(file?.diskBytes).toBeLessThan(1024 * 1024);
  });

  it('sees links, second names and pipes for what they are, and follows none', async () => {
    const folder = await sessionsDir();
    const outside = join(await temporaryFolder(), 'outside.jsonl');
    await writeFile(outside, 'x'.repeat(9999));
    await symlink(outside, join(folder, 'link.jsonl'));
    await symlink('nowhere', join(folder, 'dangling.jsonl'));
    await link(outside, join(folder, 'hard.jsonl'));
    execFileSync('mkfifo', [join(folder, 'pipe.jsonl')]);
    const { files } = await scanned(folder);
    for (const name of ['link.jsonl', 'dangling.jsonl', 'hard.jsonl', 'pipe.jsonl'])
      expect(files.get(name)?.isPlain, name).toBe(false);
    expect(files.get('link.jsonl')?.sizeBytes).toBe(outside.length);
  });

  it('does not look into folders, nor through links to folders', async () => {
    const folder = await sessionsDir();
    await mkdir(join(folder, 'sub.jsonl'));
    await writeFile(join(folder, 'sub.jsonl', 'b.jsonl'), 'x');
    await symlink(folder, join(folder, 'loop'));
    expect([...(await scanned(folder)).files.keys()].sort()).toEqual(['loop', 'sessions.json']);
  });

  it('counts skill prompts of the known place only, and knows their hashes', async () => {
    const folder = await sessionsDir();
    const place = join(folder, 'skills-prompts', 'sha256');
    const hash = 'ab'.repeat(32);
    for (const below of ['ab', 'zz']) await mkdir(join(place, below), { recursive: true });
    await writeFile(join(place, 'ab', `${hash}.txt`), 'prompt');
    await writeFile(join(place, 'zz', 'other.txt'), 'x');
    await writeFile(join(place, 'ab', 'notes.md'), 'x');
    const { prompts } = await scanned(folder);
    expect(prompts).toMatchObject({ files: 1, hashes: new Set([hash]) });
    expect(prompts.diskBytes).toBeGreaterThan(0);
  });

  it('resolves links above the folder, so that rows may spell it either way', async () => {
    const folder = await sessionsDir();
    const alias = join(await temporaryFolder(), 'alias');
    await symlink(folder, alias);
    const snapshot = await scanned(alias);
    expect(snapshot.store.sessionsDir).toBe(alias);
    expect(snapshot.realSessionsDir).toBe(folder);
  });

  it('reads rows of its own store and of its neighbours apart, and counts what is no row', async () => {
    const folder = await sessionsDir({ 'agent:main:main': { sessionId: 'a' }, broken: null });
    await writeFile(join(folder, 'other.json'), JSON.stringify({ 'agent:other:main': { sessionId: 'b' } }));
    const snapshot = await scanned(folder, [join(folder, 'other.json')]);
    expect(snapshot.rows.map(({ sessionKey }) => sessionKey)).toEqual(['agent:main:main']);
    expect(snapshot.neighbourRows.map(({ sessionKey }) => sessionKey)).toEqual(['agent:other:main']);
    expect(snapshot.malformedRows).toBe(1);
  });

  it('writes nothing', async () => {
    const folder = await sessionsDir();
    const before = await readdir(folder);
    await scanned(folder);
    expect(await readdir(folder)).toEqual(before);
  });

  it('fails if its own store, or a neighbour whose files might look like orphans, cannot be read', async () => {
    const folder = await sessionsDir();
    await writeFile(join(folder, 'other.json'), '{torn');
    await expect(scanned(folder, [join(folder, 'other.json')])).rejects.toMatchObject({
      code: 'store-unreadable',
    });
    await rename(join(folder, 'sessions.json'), join(folder, 'gone'));
    await expect(scanned(folder)).rejects.toMatchObject({ code: 'store-unreadable' });
  });
});
