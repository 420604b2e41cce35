import { tmpdir } from 'node:os';
import { ClawbackError } from './errors.ts';
import { type CommitRoad, findRoad } from './gateway/commit-road.ts';
import { readGatewayAuth } from './gateway/gateway-auth.ts';
import { GatewaySessionStore } from './gateway/gateway-session-store.ts';
import { assertNoGateway, type Installation } from './installation.ts';
import type { StoreLocation } from './openclaw/discover-stores.ts';
import { probeGateway } from './openclaw/gateway-probe.ts';
import { FileSessionStore } from './sessions/file-session-store.ts';
import type { SessionStore } from './sessions/session-store.ts';

/** A gateway that read the store before our commit has written by then; its cache lives on for 45 s without a write. */
const LIVE_SETTLE_MS = 2_000;

/** One store on the road that was taken. */
export interface RoadStore {
  readonly sessions: SessionStore;
  /** Sessions that the gateway works on, by key, with what knows of them. None where no gateway answers for itself. */
  active(): Promise<ReadonlyMap<string, string>>;
  /** @throws {ClawbackError} `gateway-running` if a gateway has come up since. */
  assertMayCommit(): Promise<void>;
}

/** How rows can be changed now. Changes nothing. Close it. */
export async function lookForRoad({ stateDir, openclaw, env }: Installation): Promise<CommitRoad> {
  const { configPath, gatewayPort: port } = openclaw;
  return findRoad({
    gateway: await probeGateway({ stateDir, configPath, port, tmpDir: tmpdir() }),
    port,
    auth: () => readGatewayAuth({ stateDir, env }),
  });
}

/** The road of a run that changes rows. @throws {ClawbackError} `gateway-running` if it leads past a running gateway and nobody allowed that. */
export async function takeRoad(installation: Installation, allowLiveGateway: boolean): Promise<CommitRoad> {
  const road = await lookForRoad(installation);
  if (road.name !== 'outside' || allowLiveGateway) return road;
  throw new ClawbackError('gateway-running', `look for a running gateway: ${road.why}`, {
    hint: `${road.hint}. Or stop it (openclaw gateway stop) and run again; --allow-live-gateway goes on at your own risk`,
    retryable: true,
  });
}

export interface RoadStoreOptions {
  readonly allowLiveGateway: boolean;
  /** Told once per reason why the gateway would not take a change. */
  readonly onRejected?: (reason: string) => void;
}

export function storeOnRoad(
  installation: Installation,
  road: CommitRoad,
  { id, storePath }: StoreLocation,
  { allowLiveGateway, onRejected }: RoadStoreOptions,
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
  // Beside a gateway that does not commit for us, and wherever one may come up during the run.
  if (road.name === 'outside' || allowLiveGateway) {
    const sessions = new FileSessionStore(storePath, { settleMs: LIVE_SETTLE_MS });
    return { sessions, active: none, assertMayCommit: async () => {} };
  }
  const sessions = new FileSessionStore(storePath);
  return { sessions, active: none, assertMayCommit: () => assertNoGateway(installation) };
}
