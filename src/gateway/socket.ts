import { ClawbackError } from '../errors.ts';

/** A WebSocket that speaks text. */
export interface Socket {
  send(text: string): void;
  close(): void;
}

export interface SocketListener {
  onText(text: string): void;
  /** Also for a connection that never came to be. */
  onClosed(why: string): void;
}

/** What Node's own WebSocket and that of `ws` have in common. */
interface WebSocketLike extends Socket {
  addEventListener(type: string, listener: (event: { data?: unknown; code?: number }) => void): void;
}

type WebSocketClass = new (url: string) => WebSocketLike;

/** Node's own where there is one (22 and later), else that of the `ws` package. */
export async function webSocketClass(
  native: unknown = Reflect.get(globalThis, 'WebSocket'),
): Promise<WebSocketClass> {
  if (typeof native === 'function') return native as WebSocketClass;
  return (await import('ws')).WebSocket as unknown as WebSocketClass;
}

/**
 * @param implementation what to use for Node's own WebSocket.
 * @throws {ClawbackError} `gateway-unreachable` if nothing answers in time.
 */
export async function openSocket(
  url: string,
  listener: SocketListener,
  deadlineMs: number,
  implementation?: unknown,
): Promise<Socket> {
  const Implementation = await webSocketClass(implementation);
  const socket = new Implementation(url);
  socket.addEventListener('message', ({ data }) => listener.onText(String(data)));
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(timer);
      listener.onClosed(why);
      reject(unreachable(url, why));
    };
    const timer = setTimeout(() => {
      fail(`no answer within ${deadlineMs} ms`);
      socket.close();
    }, deadlineMs);
    socket.addEventListener('open', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.addEventListener('error', () => fail('the connection failed'));
    socket.addEventListener('close', ({ code }) => fail(`it closed the connection (${code ?? 'no code'})`));
  });
  return socket;
}

export function unreachable(url: string, why: string): ClawbackError {
  return new ClawbackError('gateway-unreachable', `talk to the gateway at ${url}: ${why}`, {
    hint: 'openclaw gateway status shows whether it is up; run again when it is, or with it stopped',
    retryable: true,
  });
}
