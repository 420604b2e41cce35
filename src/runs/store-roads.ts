import { type CommitRoad, findRoad } from '../gateway/commit-road.ts';
import { readGatewayAuth } from '../gateway/gateway-auth.ts';
import { GatewaySessionStore } from '../gateway/gateway-session-store.ts';
import { assertNoGateway, findGateway, type Installation } from '../installation.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import { FileSessionStore } from '../sessions/file-session-store.ts';
import type { SessionStore } from '../sessions/session-store.ts';

/** One store on the road that was taken. */
export interface RoadStore {
  readonly sessions: SessionStore;
  /** Sessions that the gateway works on, by key, with what knows of them. None where no gateway answers for itself. */
  active(): Promise<ReadonlyMap<string, string>>;
  /** @throws {ClawbackError} `gateway-running` if a gateway has come up since. */
  assertMayCommit(): Promise<void>;
}

/** How rows can be changed now. Changes nothing. Close it. */
export async function lookForRoad(
  installation: Pick<Installation, 'stateDir' | 'openclaw' | 'env'>,
): Promise<CommitRoad> {
  const { stateDir, openclaw, env } = installation;
  return findRoad({
    gateway: await findGateway(installation),
    port: openclaw.gatewayPort,
    auth: () => readGatewayAuth({ stateDir, env }),
  });
}

export interface RoadStoreOptions {
  /** Told once per reason why the gateway would not take a change. */
  readonly onRejected?: (reason: string) => void;
  /** Told of every attempt that met another writer of the store. */
  readonly onRetry?: () => void;
}

export function storeOnRoad(
  installation: Installation,
  road: CommitRoad,
  { id, storePath }: StoreLocation,
  { onRejected, onRetry }: RoadStoreOptions = {},
): RoadStore {
  const none = async () => new Map<string, string>();
  if (road.name === 'gateway') {
    const reasons = new Set<string>();
    const sessions = new GatewaySessionStore(road.client, {
      id,
      path: storePath,
      onRejected: (reason) => {
        if (!reasons.has(reason)) onRejected?.(reason);
        reasons.add(reason);
      },
    });
    const active = async () =>
      new Map((await sessions.active()).map(({ sessionKey, source }) => [sessionKey, source]));
    // Whatever the gateway does meanwhile, it is the one that commits.
    return { sessions, active, assertMayCommit: async () => {} };
  }
  const times = road.name === 'outside' ? { live: installation.liveTimes } : {};
  const sessions = new FileSessionStore(storePath, { ...times, ...(onRetry ? { onRetry } : {}) });
  // Who began beside a gateway watches each commit; who began without one does not.
  const assertMayCommit = async () => {
    if (road.name === 'direct') await assertNoGateway(installation);
  };
  return { sessions, active: none, assertMayCommit };
}
