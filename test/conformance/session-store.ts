import { describe, expect, it } from 'vitest';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import type { Row, SessionStore } from '../../src/sessions/session-store.ts';

const ARCHIVE_ID = '20261120t040000z-0123abcd-0001.0';

export interface OpenedSessionStore {
  readonly store: SessionStore;
  /** Changes a row as another program would, behind the store's back. Null removes it. */
  readonly writeRow: (sessionKey: string, row: Row | null) => Promise<void>;
}

const A = 'agent:main:slack:channel:c1';
const B = 'agent:main:slack:direct:u1';
const C = '__proto__';
const ROWS: readonly (readonly [string, Row])[] = [
  [A, { sessionId: 'a', updatedAt: 5, deliveryContext: { to: 'channel:C1', channel: 'slack' } }],
  [B, { sessionId: 'b', updatedAt: 6, unknown: [1.5, 0, null, 'é\n'] }],
  [C, { sessionId: 'c' }],
];
const [ROW_A, ROW_B] = ROWS.map(([, row]) => row) as [Row, Row];

/** What every session store must do. `open` returns one that holds exactly `rows`. */
export function describeSessionStore(
  name: string,
  open: (rows: readonly (readonly [string, Row])[]) => Promise<OpenedSessionStore>,
): void {
  const opened = () => open(ROWS);
  const rowsOf = async (store: SessionStore) =>
    new Map((await store.read()).rows.map(({ sessionKey, row }) => [sessionKey, row]));

  describe(`session store ${name}`, () => {
    it('reads every row, whatever its key', async () => {
      const { store } = await opened();
      const snapshot = await store.read();
      expect(snapshot.rows.map(({ sessionKey, row }) => [sessionKey, row])).toEqual(ROWS);
      expect(snapshot.malformedRows).toBe(0);
      expect(snapshot.bytes).toBeGreaterThan(0);
    });

    it('an empty store reads as one without rows', async () => {
      expect((await (await open([])).store.read()).rows).toEqual([]);
    });

    it('replaces, removes and adds in one commit, and leaves the rest', async () => {
      const { store } = await opened();
      const outcomes = await store.commit([
        {
          sessionKey: A,
          archiveId: ARCHIVE_ID,
          expectSha256: rowSha256(ROW_A),
          replaceWith: { updatedAt: 0 },
        },
        { sessionKey: B, archiveId: ARCHIVE_ID, expectSha256: rowSha256(ROW_B), replaceWith: null },
        {
          sessionKey: 'agent:main:new',
          archiveId: ARCHIVE_ID,
          expectSha256: null,
          replaceWith: { sessionId: 'n' },
        },
      ]);
      expect(outcomes).toEqual(
        new Map([
          [A, 'committed'],
          [B, 'committed'],
          ['agent:main:new', 'committed'],
        ]),
      );
      expect(await rowsOf(store)).toEqual(
        new Map<string, Row>([
          [A, { updatedAt: 0 }],
          [C, { sessionId: 'c' }],
          ['agent:main:new', { sessionId: 'n' }],
        ]),
      );
    });

    it.each([
      ['there is another row', { ...ROW_A, updatedAt: 7 }, rowSha256(ROW_A), 'changed'],
      ['there is no row any more', null, rowSha256(ROW_A), 'gone'],
      ['there is a row where none was', ROW_A, null, 'changed'],
    ] as const)('touches nothing and says so where %s', async (_what, found, expectSha256, outcome) => {
      const { store, writeRow } = await opened();
      await writeRow(A, found);
      const before = await rowsOf(store);
      const outcomes = await store.commit([
        { sessionKey: A, archiveId: ARCHIVE_ID, expectSha256, replaceWith: { updatedAt: 0 } },
      ]);
      expect(outcomes).toEqual(new Map([[A, outcome]]));
      expect(await rowsOf(store)).toEqual(before);
    });

    it('a change that does not hold keeps no other from being made', async () => {
      const { store, writeRow } = await opened();
      await writeRow(A, { sessionId: 'revived', updatedAt: 9 });
      const outcomes = await store.commit([
        { sessionKey: A, archiveId: ARCHIVE_ID, expectSha256: rowSha256(ROW_A), replaceWith: null },
        { sessionKey: B, archiveId: ARCHIVE_ID, expectSha256: rowSha256(ROW_B), replaceWith: null },
      ]);
      expect([...outcomes.values()]).toEqual(['changed', 'committed']);
      expect([...(await rowsOf(store)).keys()]).toEqual([A, C]);
    });

    it('an equal row with its keys in another order still counts as the one that was read', async () => {
      const { store, writeRow } = await opened();
      await writeRow(A, Object.fromEntries(Object.entries(ROW_A).reverse()));
      const outcomes = await store.commit([
        { sessionKey: A, archiveId: ARCHIVE_ID, expectSha256: rowSha256(ROW_A), replaceWith: null },
      ]);
      expect(outcomes.get(A)).toBe('committed');
    });

    it('removing a row that is gone already, twice over, is no error', async () => {
      const { store } = await opened();
      const change = {
        sessionKey: A,
        archiveId: ARCHIVE_ID,
        expectSha256: rowSha256(ROW_A),
        replaceWith: null,
      };
      expect((await store.commit([change])).get(A)).toBe('committed');
      expect((await store.commit([change])).get(A)).toBe('gone');
    });

    it('no change at all is done at once', async () => {
      const { store } = await opened();
      expect(await store.commit([])).toEqual(new Map());
    });

    it('the row that was put is the row that is read', async () => {
      const { store } = await opened();
      const row = JSON.parse(
        '{"a":[{"b":[]}],"__proto__":{"x":1},"big":1e21,"text":"\\u2028\\"\\\\"}',
      ) as Row;
      await store.commit([
        { sessionKey: 'agent:main:x', archiveId: ARCHIVE_ID, expectSha256: null, replaceWith: row },
      ]);
      expect(rowSha256((await rowsOf(store)).get('agent:main:x'))).toBe(rowSha256(row));
    });
  });
}
