import { type ClawbackError, isClawbackError } from '../errors.ts';
import type { GatewayState } from '../openclaw/gateway-probe.ts';
import type { GatewayAuth } from './gateway-auth.ts';
import { GatewayClient } from './gateway-client.ts';
import { ACTIVE_METHOD, COMMIT_METHOD } from './method-names.ts';

export type RoadName = 'direct' | 'gateway' | 'outside';

/**
 * `direct`: nobody else writes. `gateway`: the gateway changes them for us, exactly. `outside`: a gateway is up and
 * does not do it for us.
 */
export type CommitRoad =
  | { readonly name: 'direct'; readonly why: string; close(): void }
  | { readonly name: 'gateway'; readonly why: string; readonly client: GatewayClient; close(): void }
  | {
      readonly name: 'outside';
      readonly why: string;
      /** What would make it the road through the gateway. */
      readonly hint: string;
      close(): void;
    };

export interface RoadInput {
  readonly gateway: GatewayState;
  readonly port: number;
  /** Read only when there is a gateway. @throws {ClawbackError} if the secret cannot be had. */
  readonly auth: () => Promise<GatewayAuth>;
}

/** Looks which road is open. Close what it returns: a connection keeps the process alive. */
export async function findRoad({ gateway, port, auth }: RoadInput): Promise<CommitRoad> {
  if (!gateway.running) return { name: 'direct', why: 'no gateway is running', close: () => {} };
  let client: GatewayClient;
  try {
    client = await GatewayClient.connect({
      url: `ws://127.0.0.1:${port}`,
      auth: await auth(),
      // A lock may be held by a gateway that is just starting; whoever holds the port without one is up.
      ...(gateway.evidence === 'port' ? { startingMs: 0 } : {}),
    });
  } catch (error) {
    if (!isClawbackError(error)) throw error;
    return outside(gateway.detail, error);
  }
  if (client.methods.has(COMMIT_METHOD) && client.methods.has(ACTIVE_METHOD)) {
    const why = 'the gateway is running, with the clawback plugin in it';
    return { name: 'gateway', why, client, close: () => client.close() };
  }
  client.close();
  return {
    name: 'outside',
    why: `${gateway.detail}; it runs without the clawback plugin, or with an older one`,
    hint: 'openclaw plugins install "$(npm root -g)/clawback" makes commits exact and needs no stop; with --force over an older one',
    close: () => {},
  };
}

function outside(detail: string, { message, hint }: ClawbackError): CommitRoad {
  return {
    name: 'outside',
    why: `${detail}; it cannot be asked to change rows: ${message}`,
    hint: hint ?? 'stop the gateway and run again',
    close: () => {},
  };
}
