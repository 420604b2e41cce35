/** A row as OpenClaw wrote it: about 120 optional fields, of which only a few are typed here. */
export type Row = Readonly<Record<string, unknown>>;

export interface StoreRow {
  readonly sessionKey: string;
  readonly row: Row;
}

/** The rows of one store at one moment. */
export interface StoreSnapshot {
  readonly rows: readonly StoreRow[];
  /** Entries whose value is not an object. They are left as they are. */
  readonly malformedRows: number;
  /** Size of the store itself in bytes. */
  readonly bytes: number;
}

/** One conditional change: it holds only while the stored row is the one that was read. */
export interface RowChange {
  readonly sessionKey: string;
  /** The archived generation that this change is about; a store that another process writes for us checks its manifest. */
  readonly archiveId: string;
  /** `rowSha256` of the row that must be there now; null: there must be no row. */
  readonly expectSha256: string | null;
  /** The new row; null removes it. */
  readonly replaceWith: Row | null;
}

/**
 * What became of a change. All but `committed` left the row as it is. `changed`: another row is there. `gone`: no
 * row is there. `active`: a run works on the session. `rejected`: the archive holds no such row, or the store would
 * not take the new one.
 */
export type RowOutcome = 'committed' | 'changed' | 'gone' | 'active' | 'rejected';

/**
 * Where one agent (or all of them, for a shared store) keeps its rows: a sessions.json today,
 * SQLite or a gateway's own writer queue tomorrow.
 *
 * `commit` applies every change whose expectation holds in one atomic step and leaves all
 * other rows as they are, to the byte. `test/conformance/session-store.ts` is the executable
 * form of this contract.
 */
export interface SessionStore {
  readonly kind: 'file' | 'gateway';
  /** For messages: the path of sessions.json. */
  readonly path: string;
  /** @throws {ClawbackError} `store-unreadable` if it does not parse; an unreadable store is never an empty one. */
  read(): Promise<StoreSnapshot>;
  /** Outcome per session key. @throws {ClawbackError} `store-busy` if other writers kept getting in between. */
  commit(changes: readonly RowChange[]): Promise<ReadonlyMap<string, RowOutcome>>;
}
