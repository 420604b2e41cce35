import { execFileSync } from 'node:child_process';
import { access, link, lstat, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PackReader } from '../../src/packs/pack-reader.ts';
import { tombstoneMark } from '../../src/sessions/row.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { FaultHome, threadRow } from '../support/faults.ts';
import { DAY_MS, HOUR_MS, NOW_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'agent:main:slack:channel:c01:thread:1700000000.000100';

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** A home with one old thread whose row has these fields besides. */
async function homeWith(fields: Row, sessionId = uuid(1)): Promise<FaultHome> {
  const home = await FaultHome.empty(await temporaryFolder());
  await home.addSession(uuid(1), 10 * DAY_MS, 500);
  await home.writeRows({ [KEY]: threadRow(sessionId, 10 * DAY_MS, fields) });
  return home;
}

describe('a row whose sessionFile names', () => {
  test.each([
    '../../../../openclaw.json',
    '../sessions.json',
    '/etc/passwd',
    'a/../../b.jsonl',
    '..',
    './x/../../y.jsonl',
  ])('%s, outside of the folder, keeps its row and touches nothing', async (sessionFile) => {
    const home = await homeWith({ sessionFile });
    const victim = join(home.root, 'state', 'openclaw.json');
    await writeFile(victim, '{}');
    const before = await home.rows();
    await home.run();
    expect(await home.rows()).toEqual(before);
    expect(await readFile(victim, 'utf8')).toBe('{}');
    expect(await home.lostFiles()).toEqual([]);
  });

  test('the file of another row keeps both', async () => {
    const home = await homeWith({ sessionFile: `${uuid(2)}.jsonl` });
    await home.addSession(uuid(2), 10 * DAY_MS, 300);
    const rows = {
      ...(await home.rows()),
      'agent:main:slack:channel:c02': threadRow(uuid(2), 10 * DAY_MS, {}),
    };
    await home.writeRows(rows);
    await home.run();
    expect(await home.rows()).toEqual(rows);
    expect(await isThere(join(home.sessionsDir, `${uuid(2)}.jsonl`))).toBe(true);
  });

  test('sessions.json itself leaves it there', async () => {
    const home = await homeWith({ sessionFile: 'sessions.json' });
    await home.run();
    expect(Object.keys(await home.rows())).toEqual([KEY]);
    expect(await home.lostFiles()).toEqual([]);
  });
});

describe('a transcript that is', () => {
  const name = `${uuid(1)}.jsonl`;
  const replacements: Readonly<Record<string, (path: string, victim: string) => Promise<void>>> = {
    'a symbolic link': (path, victim) => symlink(victim, path),
    'a hard link': (path, victim) => link(victim, path),
    'a fifo': async (path) => void execFileSync('mkfifo', [path]),
  };
  test.each(Object.keys(replacements))(
    '%s keeps its row; what it leads to is not read or removed',
    async (kind) => {
      const home = await FaultHome.empty(await temporaryFolder());
      const victim = join(home.root, 'victim');
      await writeFile(victim, 'precious');
      await replacements[kind]?.(join(home.sessionsDir, name), victim);
      if (kind === 'a hard link') await home.age(name, 10 * DAY_MS);
      await home.writeRows({ [KEY]: threadRow(uuid(1), 10 * DAY_MS, {}) });
      home.nowMs += 30 * DAY_MS;
      const before = await home.rows();
      await home.run();
      expect(await home.rows()).toEqual(before);
      expect(await readFile(victim, 'utf8')).toBe('precious');
      expect(await home.archivedFiles()).toEqual(new Set());
      expect((await lstat(join(home.sessionsDir, name))).isDirectory()).toBe(false);
    },
  );
});

describe('names that nobody would choose', () => {
  test.each([
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['a line break', 'agent:main:slack:channel:c0\n1'],
    ['NUL', 'agent:main:slack:channel:c0\u00001'],
    ['terminal escapes', 'agent:main:slack:channel:\u001b[2J\u001b]0;x\u0007'],
    ['dots and slashes', 'agent:main:slack:channel:../../../etc/passwd'],
    ['10,000 characters', `agent:main:slack:channel:${'c'.repeat(10_000)}`],
    ['half a surrogate pair', 'agent:main:slack:channel:\ud800'],
  ])(
    'a session key with %s is archived like any other, and its key is in no object name',
    async (_what, key) => {
      const home = await FaultHome.empty(await temporaryFolder());
      await home.addSession(uuid(1), 10 * DAY_MS, 500);
      const row = JSON.stringify(threadRow(uuid(1), 10 * DAY_MS, {}));
      await writeFile(home.storePath, `{${JSON.stringify(key)}: ${row}}`);
      const tally = await home.run();
      expect([tally.failures, tally.problems]).toEqual([[], []]);
      expect(await home.lostFiles()).toEqual([]);
      const archive = await home.archive();
      expect((await archive.catalogue()).map(({ session_key }) => session_key)).toEqual([key]);
      for (const name of await home.objectNames())
        expect(name.slice(home.archiveDir.length)).toMatch(/^[\w/.-]+$/);
    },
  );

  test('files with such names are archived, or left where they are, and the batch can be read', async () => {
    const home = await FaultHome.empty(await temporaryFolder());
    const names = ['__proto__.jsonl', 'constructor.jsonl', `${'n'.repeat(249)}.jsonl`, 'Ünïcödé 🦞.jsonl'];
    names.push(
      'line\nbreak.jsonl',
      '\u001b[2J.jsonl',
      '-rf.jsonl',
      '.hidden.jsonl',
      'Same.jsonl',
      'same.jsonl',
      '...jsonl',
    );
    for (const name of names) await home.addFile(name, 30 * DAY_MS, 64);
    const tally = await home.run();
    expect([tally.failures, tally.problems]).toEqual([[], []]);
    expect(await home.lostFiles()).toEqual([]);
    const { sessions } = (
      await (await home.archive()).manifests(await (await home.archive()).batchIds())
    )[0] ?? { sessions: [] };
    expect(sessions.length).toBeGreaterThanOrEqual(9);
  });
});

describe('the clock', () => {
  const YEAR_MS = 365 * DAY_MS;
  test('a year behind: nothing is old enough, nothing is touched', async () => {
    const home = await FaultHome.create(await temporaryFolder());
    const before = await home.endState();
    home.nowMs = NOW_MS - YEAR_MS;
    await home.run();
    expect(await home.endState()).toEqual(before);
  });

  test('a year ahead: what shows activity stays, and nothing is lost', async () => {
    const home = await FaultHome.create(await temporaryFolder());
    home.nowMs = NOW_MS + YEAR_MS;
    await home.run();
    expect(await home.lostFiles()).toEqual([]);
    expect((await home.rows())['agent:main:slack:channel:c03']).toMatchObject({ status: 'running' });
    expect(await isThere(join(home.sessionsDir, `${uuid(32)}.jsonl`))).toBe(true);
  });

  test('stepping back before the commit: what is no longer old enough stays', async () => {
    const home = await FaultHome.create(await temporaryFolder());
    const before = await home.endState();
    const objects = home.directory();
    const original = objects.createWriter.bind(objects);
    // The first pack comes after the plan and before the commit.
    objects.createWriter = (key, ...args) => {
      if (key.includes('/packs/')) home.nowMs = NOW_MS - 60 * DAY_MS;
      return original(key, ...args);
    };
    const tally = await home.run({ objects });
    expect(tally.leftAlone.length).toBeGreaterThan(0);
    expect(await home.endState()).toEqual(before);
  });

  test.each([1, HOUR_MS, YEAR_MS])('a file %i ms in the future keeps its session', async (aheadMs) => {
    const home = await FaultHome.create(await temporaryFolder());
    const name = `${uuid(1)}-topic-1700000000.000100`;
    await home.age(`${name}.trajectory.jsonl`, -aheadMs);
    await home.run();
    expect(await isThere(join(home.sessionsDir, `${name}.jsonl`))).toBe(true);
    expect(await isThere(join(home.sessionsDir, `${name}.trajectory.jsonl`))).toBe(true);
  });
});

test.each(['../../evil', '..', '/etc', 'a/b', 'x\\\\y', 'tab\there'])(
  'a key that names the agent %j leads tar nowhere but into the folder of the store',
  async (agentId) => {
    const home = await FaultHome.empty(await temporaryFolder());
    const id = `model-run-${uuid(16)}`;
    await home.addSession(id, 2 * DAY_MS, 300);
    const row = { sessionId: id, updatedAt: NOW_MS - 2 * DAY_MS, status: 'done' };
    await home.writeRows({ [`agent:${agentId}:explicit:${id}`]: row });
    home.policy = { ...home.policy, pruneAfterMs: DAY_MS };
    await home.run();
    const { objects, codec } = await home.archive();
    const archive = await home.archive();
    const [pack] = (await archive.manifest((await archive.batchIds())[0] ?? '')).packs;
    if (pack === undefined) throw new Error('nothing was packed');
    const frames: Uint8Array[] = [];
    for await (const { raw } of new PackReader(objects, codec, pack).frames()) frames.push(raw);
    const listed = execFileSync('tar', ['-tPf', '-'], { input: Buffer.concat(frames), encoding: 'utf8' });
    const suffixes = ['.jsonl', '.trajectory-path.json', '.trajectory.jsonl'];
    expect(listed.trim().split('\n').sort()).toEqual(suffixes.map((suffix) => `main/${id}${suffix}`));
  },
);

test.each([
  ['NUL in it', 'a\0b.jsonl'],
  ['300 characters', `${'x'.repeat(300)}.jsonl`],
])('a row that names a transcript with %s keeps no other from being archived', async (_what, sessionFile) => {
  for (const road of ['run', 'runLive'] as const) {
    const home = await homeWith({});
    const odd = threadRow(uuid(2), 10 * DAY_MS, { sessionFile });
    await home.writeRows({ ...(await home.rows()), 'agent:main:slack:channel:c09': odd });
    const tally = await home[road]();
    expect(tally.failures, road).toEqual([]);
    expect(tombstoneMark((await home.rows())[KEY] ?? {}), road).toBeDefined();
  }
});
