import { appendFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RunTally } from '../../src/report.ts';
import { readStillArchived } from '../../src/retire/still-archived.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { familyOf, tombstoneMark } from '../../src/sessions/row.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { collect, GRACE_MS, mark } from '../support/collecting.ts';
import { Mortal, mortalObjects, mortalSessions, withMortalDisk } from '../support/dying-calls.ts';
import { FaultHome } from '../support/faults.ts';
import { DAY_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'agent:main:slack:channel:c02';

/** A home whose old conversations were archived 31 days ago, where tombstones go after 30. */
async function oldTombstones(): Promise<FaultHome> {
  const home = await FaultHome.create(await temporaryFolder());
  expect((await home.run()).counts.protectedRowsTrimmed).toBe(4);
  home.nowMs += 31 * DAY_MS;
  home.policy = { ...home.policy, protectedRemoveAfterMs: 30 * DAY_MS };
  return home;
}

async function tombstones(home: FaultHome): Promise<string[]> {
  return Object.entries(await home.rows()).flatMap(([key, row]) => (tombstoneMark(row) ? [key] : []));
}

async function stubs(home: FaultHome): Promise<string[]> {
  const names = await readdir(home.sessionsDir);
  const texts = names.map(async (name) =>
    name.endsWith('.jsonl') &&
    (await readFile(join(home.sessionsDir, name), 'utf8')).includes('by clawback as')
      ? [name]
      : [],
  );
  return (await Promise.all(texts)).flat();
}

async function stubOf(home: FaultHome, key = KEY): Promise<string> {
  return join(home.sessionsDir, String((await home.rows())[key]?.sessionFile));
}

async function changeRow(home: FaultHome, key: string, change: (row: Row) => Row): Promise<void> {
  const rows = await home.rows();
  await home.writeRows({ ...rows, [key]: change(rows[key] ?? {}) });
}

function whyKept({ tombstonesKept }: RunTally, key = KEY): string | undefined {
  return tombstonesKept.find(({ sessionKey }) => sessionKey === key)?.why;
}

describe('a tombstone whose conversation is forgotten in the archive', () => {
  it('stays, before gc and after it: it is all that is left of the routing', async () => {
    const home = await oldTombstones();
    home.policy = { ...home.policy, protectedPruneAfterMs: 900 * DAY_MS };
    const archiveId = tombstoneMark((await home.rows())[KEY] ?? {})?.archiveId ?? '';
    await mark(await home.archive(), 'forget', [archiveId], home.nowMs);
    expect(whyKept(await home.run())).toBe('forgotten');
    home.nowMs += GRACE_MS;
    expect((await collect(await home.archive(), home.nowMs)).deleted).toEqual([archiveId]);
    expect(whyKept(await home.run())).toBe('forgotten');
    expect(await tombstones(home)).toEqual([KEY]);
  });

  it('stays also if that comes while the run looks whether it is still archived', async () => {
    const home = await oldTombstones();
    home.policy = { ...home.policy, protectedPruneAfterMs: 900 * DAY_MS };
    const archiveId = tombstoneMark((await home.rows())[KEY] ?? {})?.archiveId ?? '';
    const objects = home.directory();
    const stat = objects.stat.bind(objects);
    let isForgotten = false;
    objects.stat = async (key, ...rest) => {
      if (key.includes('/packs/') && !isForgotten) {
        isForgotten = true;
        await mark(await home.archive(), 'forget', [archiveId], home.nowMs);
      }
      return stat(key, ...rest);
    };
    expect(whyKept(await home.run({ objects }))).toBe('forgotten');
    expect(await tombstones(home)).toEqual([KEY]);
  });

  it('stays with all others while a mark cannot be read', async () => {
    const home = await oldTombstones();
    home.policy = { ...home.policy, protectedPruneAfterMs: 900 * DAY_MS };
    await home.directory().put('oc-faults/marks/20261121t093000z-00000000.json.zst', Buffer.from('x'));
    expect((await home.run()).problems).toMatchObject([{ error: { code: 'mark-unreadable' } }]);
    expect(await tombstones(home)).toHaveLength(4);
  });
});

describe('a tombstone that was archived long enough ago', () => {
  it('goes with its stub, and nothing else does', async () => {
    const home = await oldTombstones();
    home.policy = { ...home.policy, protectedPruneAfterMs: 900 * DAY_MS };
    const before = await home.rows();
    const gone = await tombstones(home);
    expect(await stubs(home)).toHaveLength(4);
    const objects = await home.objectNames();
    const tally = await home.run();
    expect(tally.counts).toMatchObject({ tombstonesRemoved: 4, protectedRowsTrimmed: 0 });
    expect([tally.tombstonesKept, tally.problems, tally.failures]).toEqual([[], [], []]);
    expect(await stubs(home)).toEqual([]);
    const left = Object.entries(before).filter(([key]) => !gone.includes(key));
    expect(await home.rows()).toEqual(Object.fromEntries(left));
    expect(await home.objectNames(), 'nothing is uploaded for it').toEqual(expect.arrayContaining(objects));
    expect(await home.lostFiles()).toEqual([]);
  });

  it('stays while the setting is off', async () => {
    const home = await oldTombstones();
    const { protectedRemoveAfterMs: _off, ...policy } = home.policy;
    home.policy = policy;
    const before = await tombstones(home);
    expect((await home.run()).counts.tombstonesRemoved).toBe(0);
    expect(await tombstones(home)).toEqual(expect.arrayContaining(before));
  });

  it('stays when its row differs from the archived tombstone in anything', async () => {
    const home = await oldTombstones();
    await changeRow(home, KEY, (row) => ({ ...row, label: 'renamed since' }));
    const tally = await home.run();
    expect(whyKept(tally)).toBe('not-the-archived-tombstone');
    expect(tally.counts.tombstonesRemoved).toBe(3);
    expect((await home.rows())[KEY]).toHaveProperty('label', 'renamed since');
  });

  it('goes when a gateway has spelt its stub out as a path', async () => {
    const home = await oldTombstones();
    const stub = await stubOf(home);
    await changeRow(home, KEY, (row) => ({ ...row, sessionFile: stub }));
    const tally = await home.run();
    expect([tally.counts.tombstonesRemoved, tally.tombstonesKept]).toEqual([4, []]);
    await expect(readFile(stub)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('stays when its row names another transcript', async () => {
    const home = await oldTombstones();
    await home.addFile('other.jsonl', 40 * DAY_MS, 'not ours\n');
    await changeRow(home, KEY, (row) => ({ ...row, sessionFile: join(home.sessionsDir, 'other.jsonl') }));
    expect((await home.run()).counts.tombstonesRemoved).toBe(3);
    expect((await home.rows())[KEY]).toBeDefined();
  });

  it('stays when its mark names the tombstone of another conversation', async () => {
    const home = await oldTombstones();
    const rows = await home.rows();
    const other = 'agent:main:slack:channel:c09';
    await home.writeRows({
      ...rows,
      [other]: {
        ...rows[KEY],
        sessionId: 'x',
        clawback: { ...(rows[KEY]?.clawback as Row), sessionId: 'x' },
        sessionFile: 'x.jsonl',
      },
    });
    const tally = await home.run();
    expect(whyKept(tally, other)).toBe('not-the-archived-tombstone');
    expect((await home.rows())[other]).toBeDefined();
  });

  it('stays when somebody has written to its stub, which stays too', async () => {
    const home = await oldTombstones();
    const stub = await stubOf(home);
    await appendFile(stub, '{"type":"message"}\n');
    expect(whyKept(await home.run())).toBe('stub-used');
    expect((await home.rows())[KEY]).toBeDefined();
    expect(await readFile(stub, 'utf8')).toMatch(/\{"type":"message"\}\n$/);
  });

  it('goes when its stub is gone already', async () => {
    const home = await oldTombstones();
    await rm(await stubOf(home));
    await home.run();
    expect((await home.rows())[KEY]).toBeUndefined();
  });

  it('stays when a file of its conversation is here again', async () => {
    const home = await oldTombstones();
    const key = (await tombstones(home)).find((one) => one.includes(':thread:')) ?? '';
    const oldId = familyOf((await home.rows())[key] ?? {}).at(-1);
    const name = [...home.original.keys()].find((one) => one.startsWith(`${oldId}-topic-`)) ?? '';
    await writeFile(join(home.sessionsDir, name), 'half restored');
    expect(whyKept(await home.run(), key)).toBe('files-here');
    expect((await home.rows())[key]).toBeDefined();
  });

  it('stays when it comes into use between plan and commit', async () => {
    const home = await oldTombstones();
    const sessions = new FileSessionStore(home.storePath);
    let reads = 0;
    const tally = await home.run({
      sessions: {
        kind: 'file',
        settleMs: 0,
        path: sessions.path,
        commit: (changes) => sessions.commit(changes),
        read: async () => {
          reads += 1;
          // The plan that looks for left-over stubs, the plan of the run, and then the one right before the commit.
          if (reads === 3) await changeRow(home, KEY, (row) => ({ ...row, status: 'running' }));
          return sessions.read();
        },
      },
    });
    expect(whyKept(tally)).toBe('now-active');
    expect((await home.rows())[KEY]).toHaveProperty('status', 'running');
  });

  it('stays when its row changes under the commit', async () => {
    const home = await oldTombstones();
    const sessions = new FileSessionStore(home.storePath);
    const stub = await stubOf(home);
    const tally = await home.run({
      sessions: {
        kind: 'file',
        settleMs: 0,
        path: sessions.path,
        read: () => sessions.read(),
        commit: async (changes) => {
          await changeRow(home, KEY, (row) => ({ ...row, updatedAt: home.nowMs }));
          return sessions.commit(changes);
        },
      },
    });
    expect(whyKept(tally)).toBe('changed');
    expect((await home.rows())[KEY]).toHaveProperty('updatedAt', home.nowMs);
    expect(await readFile(stub, 'utf8')).toContain('by clawback as');
  });
});

describe('an archive that no longer holds the conversation', () => {
  it.each(['manifests', 'packs'])(
    'keeps the tombstone when one of its %s is gone, and says so',
    async (folder) => {
      const home = await oldTombstones();
      const before = await tombstones(home);
      for (const name of await home.objectNames()) if (name.includes(`/${folder}/`)) await rm(name);
      const tally = await home.run();
      expect(tally.counts.tombstonesRemoved).toBe(0);
      expect(whyKept(tally)).toBe('not-in-archive');
      expect(tally.problems[0]?.error.code).toBe('object-not-found');
      expect(await tombstones(home)).toEqual(expect.arrayContaining(before));
    },
  );

  it.each(['manifests', 'packs'])('keeps it when one of its %s is cut short', async (folder) => {
    const home = await oldTombstones();
    for (const name of await home.objectNames()) if (name.includes(`/${folder}/`)) await truncate(name, 40);
    const tally = await home.run();
    expect(tally.counts.tombstonesRemoved).toBe(0);
    expect(whyKept(tally)).toBe('not-in-archive');
    expect(tally.problems.length).toBeGreaterThan(0);
  });
});

describe('a run that dies while it removes tombstones', () => {
  type Run = (home: FaultHome, mortal: Mortal) => Promise<unknown>;
  const runs: readonly { readonly what: string; readonly run: Run }[] = [
    {
      what: 'call of the object store',
      run: (home, mortal) => home.run({ objects: mortalObjects(home.directory(), mortal) }),
    },
    {
      what: 'call of the session store',
      run: (home, mortal) =>
        home.run({ sessions: mortalSessions(new FileSessionStore(home.storePath), mortal) }),
    },
    { what: 'change of the disk', run: (home, mortal) => withMortalDisk(mortal, () => home.run()) },
  ];

  describe.each(runs)('at any $what', ({ run }) => {
    it.each(['before', 'after'] as const)(
      'is finished by the next run, which ends where one run would have (%s it)',
      { timeout: 120_000 },
      async (side) => {
        const whole = await oldTombstones();
        const counter = new Mortal();
        await run(whole, counter);
        const expected = await whole.endState();
        expect(await tombstones(whole)).not.toContain(KEY);
        expect(counter.calls).toBeGreaterThan(2);
        for (let dieAt = 1; dieAt <= counter.calls; dieAt += 1) {
          const home = await oldTombstones();
          const label = `${side} call ${dieAt}`;
          // What a dying process throws reaches nobody.
          await run(home, new Mortal(dieAt, side)).catch(() => undefined);
          const tally = await home.run();
          expect([tally.failures, tally.problems, tally.tombstonesKept], label).toEqual([[], [], []]);
          expect(await home.endState(), `end state after ${label}`).toEqual(expected);
          expect(await home.lostFiles(), `lost after ${label}`).toEqual([]);
          await rm(home.root, { recursive: true });
        }
      },
    );
  });
});

it('a stub that no row names is left-over only as long as nobody wrote to it or holds its lock', async () => {
  const home = await oldTombstones();
  const stub = await stubOf(home);
  const locked = await stubOf(
    home,
    (await tombstones(home)).findLast((key) => key.includes(':thread:')),
  );
  await writeFile(`${locked}.lock`, '{"pid":1}');
  const used = await stubOf(
    home,
    (await tombstones(home)).find((key) => key.includes(':thread:')),
  );
  await appendFile(used, '{"type":"message"}\n');
  const rows = await home.rows();
  const named = Object.entries(rows).filter(([, row]) => tombstoneMark(row) === undefined);
  await home.writeRows(Object.fromEntries(named));
  home.policy = { ...home.policy, orphanPruneAfterMs: 900 * DAY_MS };
  await home.run();
  await expect(readFile(stub)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await readFile(used, 'utf8')).toMatch(/\n\{"type":"message"\}\n$/);
  expect(await stubs(home)).toContain(basename(locked));
});

it('what was archived from another store stands for no tombstone of this one', async () => {
  const home = await oldTombstones();
  const archive = await home.archive();
  const [batchId = ''] = await archive.batchIds();
  const broken: string[] = [];
  const sessionsOf = async (storeId: string) =>
    (await readStillArchived(archive, batchId, storeId, (what) => void broken.push(what))).size;
  expect([(await sessionsOf('main')) > 0, await sessionsOf('other'), broken]).toEqual([true, 0, []]);
});
