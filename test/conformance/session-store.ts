import { describe, expect, it } from 'vitest';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import type { Row, RowChange, SessionStore } from '../../src/sessions/session-store.ts';

const BATCH_ID = '20261120t040000z-0123abcd-0001';

/** What the archive holds of a row: a store that another process writes for us commits nothing else. */
export interface Generation {
  readonly archiveId: string;
  readonly sessionKey: string;
  readonly row: Row;
  readonly tombstone: Row | null;
}

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
const NEW = 'agent:main:new';
const TOMBSTONE: Row = { updatedAt: 0 };
const ODD_ROW = JSON.parse('{"a":[{"b":[]}],"__proto__":{"x":1},"big":1e21,"text":"\\u2028\\"\\\\"}') as Row;

const generation = (index: number, sessionKey: string, row: Row, tombstone: Row | null): Generation => ({
  archiveId: `${BATCH_ID}.${index}`,
  sessionKey,
  row,
  tombstone,
});
const TRIM_A = generation(0, A, ROW_A, TOMBSTONE);
const REMOVE_A = generation(1, A, ROW_A, null);
const REMOVE_B = generation(2, B, ROW_B, null);
const OLD_NEW = generation(3, NEW, { sessionId: 'n' }, null);
const OLD_ODD = generation(4, 'agent:main:x', ODD_ROW, null);
const GENERATIONS = [TRIM_A, REMOVE_A, REMOVE_B, OLD_NEW, OLD_ODD];

/** The row becomes its tombstone, or goes. */
const archiving = ({ archiveId, sessionKey, row, tombstone }: Generation): RowChange => ({
  sessionKey,
  archiveId,
  expectSha256: rowSha256(row),
  replaceWith: tombstone,
});

/** The row comes back where there is none. */
const restoring = ({ archiveId, sessionKey, row }: Generation): RowChange => ({
  sessionKey,
  archiveId,
  expectSha256: null,
  replaceWith: row,
});

/** What every session store must do. `open` returns one that holds exactly `rows`, beside an archive of `generations`. */
export function describeSessionStore(
  name: string,
  open: (
    rows: readonly (readonly [string, Row])[],
    generations: readonly Generation[],
  ) => Promise<OpenedSessionStore>,
): void {
  const opened = () => open(ROWS, GENERATIONS);
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
      expect((await (await open([], [])).store.read()).rows).toEqual([]);
    });

    it('replaces, removes and adds in one commit, and leaves the rest', async () => {
      const { store } = await opened();
      const outcomes = await store.commit([archiving(TRIM_A), archiving(REMOVE_B), restoring(OLD_NEW)]);
      expect(outcomes).toEqual(
        new Map([
          [A, 'committed'],
          [B, 'committed'],
          [NEW, 'committed'],
        ]),
      );
      expect(await rowsOf(store)).toEqual(
        new Map<string, Row>([
          [A, TOMBSTONE],
          [C, { sessionId: 'c' }],
          [NEW, { sessionId: 'n' }],
        ]),
      );
    });

    it.each([
      ['there is another row', { ...ROW_A, updatedAt: 7 }, archiving(TRIM_A), 'changed'],
      ['there is no row any more', null, archiving(TRIM_A), 'gone'],
      ['there is a row where none was', ROW_A, restoring(TRIM_A), 'changed'],
    ] as const)('touches nothing and says so where %s', async (_what, found, change, outcome) => {
      const { store, writeRow } = await opened();
      await writeRow(A, found);
      const before = await rowsOf(store);
      expect(await store.commit([change])).toEqual(new Map([[A, outcome]]));
      expect(await rowsOf(store)).toEqual(before);
    });

    it('a change that does not hold keeps no other from being made', async () => {
      const { store, writeRow } = await opened();
      await writeRow(A, { sessionId: 'revived', updatedAt: 9 });
      const outcomes = await store.commit([archiving(REMOVE_A), archiving(REMOVE_B)]);
      expect([...outcomes.values()]).toEqual(['changed', 'committed']);
      expect([...(await rowsOf(store)).keys()]).toEqual([A, C]);
    });

    it('an equal row with its keys in another order still counts as the one that was read', async () => {
      const { store, writeRow } = await opened();
      await writeRow(A, Object.fromEntries(Object.entries(ROW_A).reverse()));
      expect((await store.commit([archiving(REMOVE_A)])).get(A)).toBe('committed');
    });

    it('removing a row that is gone already, twice over, is no error', async () => {
      const { store } = await opened();
      expect((await store.commit([archiving(REMOVE_A)])).get(A)).toBe('committed');
      expect((await store.commit([archiving(REMOVE_A)])).get(A)).toBe('gone');
    });

    it('no change at all is done at once', async () => {
      const { store } = await opened();
      expect(await store.commit([])).toEqual(new Map());
    });

    it('the row that was put is the row that is read', async () => {
      const { store } = await opened();
      await store.commit([restoring(OLD_ODD)]);
      expect(rowSha256((await rowsOf(store)).get('agent:main:x'))).toBe(rowSha256(ODD_ROW));
    });
  });
}
