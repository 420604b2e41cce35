import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { GATEWAY_TOKEN } from './home.ts';

/** A WebSocket to a gateway, with the operator's whole rights. */
export interface GatewayClient {
  /** Calls a method and returns its payload. @throws Error with the gateway's message if it refuses. */
  call<T>(method: string, params?: object): Promise<T>;
  /** Resolves with the next event of that name that satisfies `matches`; events from before the call do not count. */
  event<T>(name: string, matches: (payload: T) => boolean): Promise<T>;
  close(): Promise<void>;
}

interface Frame {
  readonly type: 'req' | 'res' | 'event';
  readonly id?: string;
  readonly ok?: boolean;
  readonly payload?: unknown;
  readonly error?: { readonly message?: string };
  readonly event?: string;
}

interface Waiting {
  readonly name: string;
  readonly matches: (payload: unknown) => boolean;
  readonly resolve: (payload: unknown) => void;
}

const PROTOCOL = 4;
/** Longer than any turn of the mock model takes. */
const CALL_TIMEOUT_MS = 60_000;

/** Connects the way OpenClaw's own loopback clients do. */
export async function connectGateway(port: number): Promise<GatewayClient> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  const calls = new Map<string, { resolve: (payload: unknown) => void; reject: (error: Error) => void }>();
  const waiting = new Set<Waiting>();

  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(String(data)) as Frame;
    if (frame.type === 'event') {
      for (const one of waiting) {
        if (one.name !== frame.event || !one.matches(frame.payload)) continue;
        waiting.delete(one);
        one.resolve(frame.payload);
      }
      return;
    }
    const pending = calls.get(frame.id ?? '');
    calls.delete(frame.id ?? '');
    if (frame.ok) pending?.resolve(frame.payload);
    else pending?.reject(new Error(frame.error?.message ?? JSON.stringify(frame)));
  });
  socket.addEventListener('close', ({ code, reason }) => {
    for (const { reject } of calls.values()) reject(new Error(`gateway closed: ${code} ${reason}`));
    calls.clear();
  });

  const client: GatewayClient = {
    call: <T>(method: string, params: object = {}) =>
      new Promise<T>((resolve, reject) => {
        const id = randomUUID();
        const timer = setTimeout(() => {
          calls.delete(id);
          reject(new Error(`call ${method}: no answer after ${CALL_TIMEOUT_MS} ms`));
        }, CALL_TIMEOUT_MS);
        const settle =
          <V>(next: (value: V) => void) =>
          (value: V) => {
            clearTimeout(timer);
            next(value);
          };
        calls.set(id, { resolve: settle(resolve as (payload: unknown) => void), reject: settle(reject) });
        socket.send(JSON.stringify({ type: 'req', id, method, params }));
      }),
    event: <T>(name: string, matches: (payload: T) => boolean) =>
      new Promise<T>((resolve) => {
        waiting.add({
          name,
          matches: matches as (payload: unknown) => boolean,
          resolve: resolve as (payload: unknown) => void,
        });
      }),
    close: async () => {
      if (socket.readyState === WebSocket.CLOSED) return;
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
  await client.event('connect.challenge', () => true);
  await client.call('connect', {
    minProtocol: PROTOCOL,
    maxProtocol: PROTOCOL,
    client: { id: 'gateway-client', version: '1.0.0', platform: process.platform, mode: 'backend' },
    role: 'operator',
    scopes: ['operator.admin', 'operator.read', 'operator.write'],
    auth: { token: GATEWAY_TOKEN },
  });
  return client;
}
