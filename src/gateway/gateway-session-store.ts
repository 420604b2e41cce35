import { FileSessionStore } from '../sessions/file-session-store.ts';
import type { RowChange, RowOutcome, SessionStore, StoreSnapshot } from '../sessions/session-store.ts';
import type { GatewayClient } from './gateway-client.ts';
import {
  type ActiveSession,
  activeRequest,
  type ChangeOutcome,
  commitRequest,
  MAX_CHANGES,
  parseActiveReply,
  parseCommitReply,
} from './messages.ts';
import { ACTIVE_METHOD, COMMIT_METHOD } from './method-names.ts';

/** Of one frame; the gateway closes a connection that sends more than 25 MiB. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;

export interface GatewayStore {
  /** `StoreLocation.id`: an agent, or `shared`. */
  readonly id: string;
  readonly path: string;
  /** Told why the gateway would not take a change. @default nobody is told */
  readonly onRejected?: (reason: string) => void;
}

/**
 * OpenClaw's sessions.json, changed by the gateway that owns it: its writer queue keeps every other write apart from
 * ours. Rows are read from the file, as everybody does. More than one frame full is several atomic steps.
 */
export class GatewaySessionStore implements SessionStore {
  readonly kind = 'gateway';
  readonly path: string;
  readonly #client: GatewayClient;
  readonly #store: GatewayStore;
  readonly #file: FileSessionStore;

  constructor(client: GatewayClient, store: GatewayStore) {
    this.path = store.path;
    this.#client = client;
    this.#store = store;
    this.#file = new FileSessionStore(store.path);
  }

  read(): Promise<StoreSnapshot> {
    return this.#file.read();
  }

  async commit(changes: readonly RowChange[]): Promise<ReadonlyMap<string, RowOutcome>> {
    const outcomes = new Map<string, RowOutcome>();
    for (const frame of inFrames(changes, MAX_FRAME_BYTES)) {
      for (const { sessionKey, outcome, reason } of await this.#send(frame)) {
        outcomes.set(sessionKey, outcome);
        if (outcome === 'rejected') this.#store.onRejected?.(reason ?? 'no reason given');
      }
    }
    return outcomes;
  }

  /** Sessions that a run works on at this moment, by key. */
  async active(): Promise<readonly ActiveSession[]> {
    return parseActiveReply(await this.#client.call(ACTIVE_METHOD, activeRequest(this.#store.id)));
  }

  async #send(changes: readonly RowChange[]): Promise<readonly ChangeOutcome[]> {
    const reply = await this.#client.call(COMMIT_METHOD, commitRequest(this.#store.id, changes));
    return parseCommitReply(reply, changes);
  }
}

/** Cuts a batch into frames of at most so many bytes, or one change. */
export function inFrames(changes: readonly RowChange[], maxBytes: number): RowChange[][] {
  const frames: RowChange[][] = [];
  let bytes = 0;
  for (const change of changes) {
    const size = Buffer.byteLength(JSON.stringify(change));
    const last = frames.at(-1);
    if (last === undefined || bytes + size > maxBytes || last.length === MAX_CHANGES) {
      frames.push([change]);
      bytes = size;
    } else {
      last.push(change);
      bytes += size;
    }
  }
  return frames;
}
