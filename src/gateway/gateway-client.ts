import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ClawbackError } from '../errors.ts';
import { isRecord } from '../openclaw/read-json5.ts';
import { VERSION } from '../version.ts';
import type { GatewayAuth } from './gateway-auth.ts';
import { gatewayError, parseFailure } from './gateway-errors.ts';
import { openSocket, type Socket, type SocketListener, unreachable } from './socket.ts';

/** The version of the gateway's protocol that 2026.5.28 to 2026.7.35 speak. */
const PROTOCOL = 4;
/** A gateway that starts holds its lock before it listens, then answers UNAVAILABLE, or closes, until it is ready. */
const STARTING_MS = 10_000;
const RETRY_MS = 500;
/** A busy gateway has taken a quarter of a second; while it saves a large store it answers nobody. */
const HANDSHAKE_MS = 5_000;
/** A commit waits for the gateway's writer queue: 3 s were seen under a flat-out writer. */
const CALL_MS = 120_000;

export interface GatewayTarget {
  /** `ws://127.0.0.1:18789` */
  readonly url: string;
  readonly auth: GatewayAuth;
  /** @default Node's own WebSocket, where there is one */
  readonly webSocket?: unknown;
  /** How long a gateway gets to become ready. */
  readonly startingMs?: number;
  /** How long one call may take. */
  readonly callMs?: number;
}

const CHALLENGE = 'connect.challenge';

type Frame = Readonly<Record<string, unknown>>;

interface Waiting {
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: ClawbackError) => void;
}

/**
 * One connection to a running gateway, with the rights of its operator: on loopback, with the shared token or
 * password. Close it: it keeps the process alive.
 */
export class GatewayClient {
  #socket: Socket | undefined;
  readonly #url: string;
  readonly #callMs: number;
  readonly #waiting = new Map<string, Waiting>();
  #closed: ClawbackError | undefined;
  /** Every method that this gateway has, plugins' among them. */
  methods: ReadonlySet<string> = new Set();

  private constructor({ url, callMs = CALL_MS }: GatewayTarget) {
    this.#url = url;
    this.#callMs = callMs;
  }

  /**
   * Waits for a gateway that is just starting.
   * @throws {ClawbackError} `gateway-unreachable`, `gateway-denied`, `gateway-protocol`.
   */
  static async connect(target: GatewayTarget): Promise<GatewayClient> {
    const giveUpAtMs = performance.now() + (target.startingMs ?? STARTING_MS);
    for (;;) {
      try {
        return await GatewayClient.#connectOnce(target);
      } catch (error) {
        if (!(error instanceof ClawbackError) || error.code !== 'gateway-unreachable') throw error;
        const waitMs = error instanceof StartingError ? error.retryAfterMs : RETRY_MS;
        if (performance.now() + waitMs > giveUpAtMs) throw error;
        await delay(waitMs);
      }
    }
  }

  static async #connectOnce(target: GatewayTarget): Promise<GatewayClient> {
    const client = new GatewayClient(target);
    try {
      // The challenge may come in the very moment of opening.
      const challenge = client.#challenge();
      const opening = openSocket(target.url, client.#listener, HANDSHAKE_MS, target.webSocket);
      const opened = opening.then((socket) => {
        client.#socket = socket;
      });
      await Promise.all([opened, challenge]);
      const hello = await client.#request('connect', connectParams(target.auth), HANDSHAKE_MS);
      client.methods = methodsOf(hello);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** @throws {ClawbackError} what the gateway or the plugin answered; `gateway-unreachable` after the deadline: then nobody knows whether it was done. */
  call(method: string, params: object): Promise<unknown> {
    return this.#request(method, params, this.#callMs);
  }

  close(): void {
    this.#fail(unreachable(this.#url, 'the connection was closed'));
    this.#socket?.close();
  }

  #challenge(): Promise<Frame> {
    return this.#within(CHALLENGE, HANDSHAKE_MS, 'it sent no challenge', () => {});
  }

  async #request(method: string, params: object, deadlineMs: number): Promise<unknown> {
    const id = randomUUID();
    const frame = await this.#within(id, deadlineMs, `no answer to ${method} within ${deadlineMs} ms`, () =>
      this.#socket?.send(JSON.stringify({ type: 'req', id, method, params })),
    );
    if (frame.ok === true) return frame.payload;
    const failure = parseFailure(frame.error);
    const isStarting = method === 'connect' && failure.code === 'UNAVAILABLE';
    const what = method === 'connect' ? `connect to the gateway at ${this.#url}` : `call ${method}`;
    if (isStarting) throw new StartingError(this.#url, failure.message, failure.retryAfterMs ?? RETRY_MS);
    throw gatewayError(what, failure);
  }

  async #within(id: string, deadlineMs: number, why: string, start: () => void): Promise<Frame> {
    if (this.#closed !== undefined) throw this.#closed;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Frame>((resolve, reject) => {
        timer = setTimeout(() => reject(unreachable(this.#url, why)), deadlineMs);
        this.#waiting.set(id, { resolve, reject });
        start();
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  readonly #listener: SocketListener = {
    onText: (text) => {
      const frame = parseFrame(text);
      if (frame?.type === 'event' && frame.event === CHALLENGE) this.#waiting.get(CHALLENGE)?.resolve(frame);
      else if (frame?.type === 'res') this.#waiting.get(String(frame.id))?.resolve(frame);
    },
    onClosed: (why) => this.#fail(unreachable(this.#url, why)),
  };

  #fail(error: ClawbackError): void {
    this.#closed ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#closed);
    this.#waiting.clear();
  }
}

/** The gateway is on its way up: worth another try. */
class StartingError extends ClawbackError {
  readonly retryAfterMs: number;

  constructor(url: string, why: string, retryAfterMs: number) {
    super('gateway-unreachable', `connect to the gateway at ${url}: ${why.slice(0, 200)}`, {
      hint: 'it is starting or stopping: run again in a moment',
      retryable: true,
    });
    this.retryAfterMs = Math.min(Math.max(retryAfterMs, 50), 5_000);
  }
}

/** `client.id` is one of a closed list; this one is for programs that steer the gateway they run beside. */
function connectParams(auth: GatewayAuth): object {
  return {
    minProtocol: PROTOCOL,
    maxProtocol: PROTOCOL,
    client: { id: 'gateway-client', version: VERSION, platform: process.platform, mode: 'backend' },
    role: 'operator',
    scopes: ['operator.admin', 'operator.read', 'operator.write'],
    auth,
  };
}

function methodsOf(hello: unknown): ReadonlySet<string> {
  const features = isRecord(hello) && isRecord(hello.features) ? hello.features : {};
  const methods = Array.isArray(features.methods) ? (features.methods as unknown[]) : [];
  return new Set(methods.filter((method) => typeof method === 'string'));
}

function parseFrame(text: string): Frame | undefined {
  try {
    const frame: unknown = JSON.parse(text);
    return isRecord(frame) ? frame : undefined;
  } catch {
    // Not a frame of this protocol: the call that waits ends by its deadline.
    return undefined;
  }
}
