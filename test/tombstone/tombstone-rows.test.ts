import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import type { CommittedSession } from '../../src/tombstone/committed.ts';
import type { Rechecked } from '../../src/tombstone/recheck.ts';
import { writeStub } from '../../src/tombstone/stub-transcript.ts';
import { Tombstoned } from '../../src/tombstone/tombstone-rows.ts';
import { entryOf, foldersOf, KEY, orphanEntry } from '../support/sessions.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DIRECT = 'agent:main:slack:direct:u1';
const OLD: Row = { sessionId: 'old', updatedAt: 1000 };
const trimmed: CommittedSession = {
  entry: entryOf({ row: OLD, tombstone: { sessionId: 'new', updatedAt: 0, sessionFile: 'new.jsonl' } }),
  files: [],
};
const removed: CommittedSession = {
  entry: entryOf({ sessionKey: DIRECT, action: 'remove', row: { sessionId: 'd' }, tombstone: null }),
  files: [],
};
const orphan: CommittedSession = { entry: orphanEntry(), files: [] };
const nothing: Rechecked = { ready: [], done: [], abandoned: [] };

async function storeOf(rows: Readonly<Record<string, Row>>) {
  const folder = await temporaryFolder();
  const path = join(folder, 'sessions.json');
  await writeFile(path, JSON.stringify(rows, null, 2));
  const rowsNow = async () => JSON.parse(await readFile(path, 'utf8')) as Record<string, Row>;
  return { folder, store: new FileSessionStore(path), rowsNow };
}

describe('committing tombstones', () => {
  it('trims and removes in one rewrite, the stub beside it', async () => {
    const { folder, store, rowsNow } = await storeOf({
      [KEY]: OLD,
      [DIRECT]: { sessionId: 'd' },
      other: { x: 1 },
    });
    const result = await Tombstoned.commit(store, foldersOf(folder), {
      ...nothing,
      ready: [trimmed, removed],
    });
    expect(await rowsNow()).toEqual({ [KEY]: trimmed.entry.tombstone, other: { x: 1 } });
    expect((await readdir(folder)).sort()).toEqual(['new.jsonl', 'sessions.json']);
    expect(result.sessions).toEqual([trimmed, removed]);
    expect(result.abandoned).toEqual([]);
  });

  it.each([
    ['row-changed', { [KEY]: { ...OLD, updatedAt: 2000 } }],
    ['row-gone', {}],
  ])('leaves a row that changed at the last moment, and takes its stub back (%s)', async (why, rows) => {
    const { folder, store, rowsNow } = await storeOf(rows as Record<string, Row>);
    const result = await Tombstoned.commit(store, foldersOf(folder), { ...nothing, ready: [trimmed] });
    expect(await rowsNow()).toEqual(rows);
    expect(await readdir(folder)).toEqual(['sessions.json']);
    expect(result.sessions).toEqual([]);
    expect(result.abandoned).toEqual([{ session: trimmed, why, hasStrayStub: false }]);
  });

  it.each(['new.jsonl', '/state/agents/main/sessions/new.jsonl'])(
    'leaves the stub of a tombstone that was written to as soon as it was there, and names it %s',
    async (sessionFile) => {
      const { folder, store } = await storeOf({ [KEY]: { ...OLD, sessionFile, updatedAt: 2000 } });
      const result = await Tombstoned.commit(store, foldersOf(folder), { ...nothing, ready: [trimmed] });
      expect(result.abandoned.map(({ why }) => why)).toEqual(['row-changed']);
      expect((await readdir(folder)).sort()).toEqual(['new.jsonl', 'sessions.json']);
    },
  );

  it('one row that changed keeps no other from being trimmed', async () => {
    const { folder, store } = await storeOf({ [KEY]: OLD, [DIRECT]: { sessionId: 'revived' } });
    const result = await Tombstoned.commit(store, foldersOf(folder), {
      ...nothing,
      ready: [trimmed, removed],
    });
    expect(result.sessions).toEqual([trimmed]);
    expect(result.abandoned.map(({ session, why }) => [session, why])).toEqual([[removed, 'row-changed']]);
  });

  it('changes nothing at all if the stub cannot be made', async () => {
    const { folder, store, rowsNow } = await storeOf({ [KEY]: OLD });
    await writeFile(join(folder, 'new.jsonl'), 'another conversation');
    await expect(
      Tombstoned.commit(store, foldersOf(folder), { ...nothing, ready: [trimmed] }),
    ).rejects.toMatchObject({
      code: 'restore-conflict',
    });
    expect(await rowsNow()).toEqual({ [KEY]: OLD });
  });

  it('changes nothing at all in a store that cannot be read', async () => {
    const { folder, store } = await storeOf({});
    await writeFile(store.path, '{"torn');
    await expect(
      Tombstoned.commit(store, foldersOf(folder), { ...nothing, ready: [trimmed] }),
    ).rejects.toMatchObject({
      code: 'store-unreadable',
    });
    expect(await readFile(store.path, 'utf8')).toBe('{"torn');
  });

  it('removes stray stubs of sessions that were abandoned, and passes those on', async () => {
    const { folder, store } = await storeOf({ [KEY]: { sessionId: 'fresh' } });
    await writeStub(folder, trimmed.entry);
    const abandoned = [{ session: trimmed, why: 'row-changed' as const, hasStrayStub: true }];
    const result = await Tombstoned.commit(store, foldersOf(folder), { ...nothing, abandoned });
    expect(await readdir(folder)).toEqual(['sessions.json']);
    expect(result.abandoned).toEqual(abandoned);
  });

  it('is not needed for loose files and for rows that an earlier run has changed', async () => {
    const { folder, store } = await storeOf({ [KEY]: OLD });
    const checked = { ready: [trimmed, orphan], done: [removed], abandoned: [] };
    expect(Tombstoned.withoutRows(foldersOf(folder), checked).sessions).toEqual([orphan]);
    expect(Tombstoned.byEarlierRun(store, foldersOf(folder), checked).sessions).toEqual([removed]);
  });
});
