import { statSync, utimesSync } from 'node:fs';
import { FileSessionStore } from '../sessions/file-session-store.ts';
import { ROUTING_FIELDS, sessionIdOf } from '../sessions/row.ts';
import type { Row, RowChange, RowOutcome, SessionStore, StoreSnapshot } from '../sessions/session-store.ts';
import { readActiveSources, TURNS_BEGUN } from './active-sources.ts';
import { type ArchivedRow, isStill } from './archived-row.ts';
import type { MessageDeadline } from './message-deadline.ts';
import type { GatewayRows, GatewaySessions } from './openclaw-api.ts';

/**
 * A store in the gateway's own hands, for one change: the row of an archived conversation that has just got a message
 * becomes what it was. The row is told by its tombstone, not by its hash: the message itself has touched it.
 */
export class RevivedRows implements SessionStore {
  readonly kind = 'file';
  readonly settleMs = 0;
  readonly path: string;
  readonly #gateway: GatewaySessions;
  readonly #archived: ArchivedRow;
  readonly #deadline: MessageDeadline;
  #isPastReturn = false;

  /** @param path as the gateway spells it: its writer queue is named by this very string. */
  constructor(path: string, gateway: GatewaySessions, archived: ArchivedRow, deadline: MessageDeadline) {
    this.path = path;
    this.#gateway = gateway;
    this.#archived = archived;
    this.#deadline = deadline;
  }

  /** Whether the row was changed, or may have been: then the files must stay. */
  get isPastReturn(): boolean {
    return this.#isPastReturn;
  }

  /** A row that the message itself has made has nothing to say: it is as if there were none. */
  async read(): Promise<StoreSnapshot> {
    const snapshot = await new FileSessionStore(this.path).read();
    if (this.#archived.kind === 'tombstone') return snapshot;
    return { ...snapshot, rows: snapshot.rows.filter(({ row }) => !isStill(this.#archived, row)) };
  }

  async commit([change, ...others]: readonly RowChange[]): Promise<ReadonlyMap<string, RowOutcome>> {
    if (change === undefined || others.length > 0) throw new RangeError('one row at a time');
    const outcome = await this.#gateway.updateSessionStore(this.path, (rows) => this.#change(rows, change), {
      skipMaintenance: true,
      skipSaveWhenResult: (result) => result !== 'committed',
      allowDropAcpMetaSessionKeys: [],
      requireWriteSuccess: true,
    });
    // The gateway caches what it saved as it saved it. 2026.6.11 compares that with what it reads, and refuses the turn.
    if (outcome === 'committed') utimesSync(this.path, statSync(this.path).atime, new Date());
    return new Map([[change.sessionKey, outcome]]);
  }

  /** Runs synchronously in the gateway's queue: from the look at the row to its change nobody else gets in. */
  #change(rows: GatewayRows, { sessionKey, replaceWith }: RowChange): RowOutcome {
    const found = Object.hasOwn(rows, sessionKey) ? rows[sessionKey] : undefined;
    if (!isStill(this.#archived, found)) return 'changed';
    // OpenClaw drops a row with any other id when it saves, and the conversation's routing with it.
    if (replaceWith === null || sessionIdOf(replaceWith) === null) return 'rejected';
    // A turn by another road may have begun on the tombstone: its session must not be switched under it.
    const turns = readActiveSources(undefined, globalThis, TURNS_BEGUN);
    if (turns.find(sessionKey, this.#archived.sessionId) !== undefined) return 'active';
    if (!this.#deadline.passPointOfNoReturn()) return 'changed';
    this.#isPastReturn = true;
    rows[sessionKey] = withNewerRouting(replaceWith, found);
    return 'committed';
  }
}

/** The gateway makes a skills snapshot afresh; an old one names prompt files that are collected by now. */
function withNewerRouting(
  { skillsSnapshot: _old, ...restored }: Row,
  found: Row | undefined,
): Record<string, unknown> {
  const newer = ROUTING_FIELDS.filter((field) => found?.[field] !== undefined);
  return { ...restored, ...Object.fromEntries(newer.map((field) => [field, found?.[field]])) };
}
