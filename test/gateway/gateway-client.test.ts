import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type WebSocket as ServerSocket, WebSocketServer, WebSocket as WsWebSocket } from 'ws';
import { findRoad } from '../../src/gateway/commit-road.ts';
import { GatewayClient } from '../../src/gateway/gateway-client.ts';
import { ACTIVE_METHOD, COMMIT_METHOD } from '../../src/gateway/method-names.ts';

interface Request {
  readonly id: string;
  readonly method: string;
  readonly params: Record<string, unknown>;
}

type Answer = (request: Request, socket: ServerSocket) => object | undefined;

const HELLO = {
  ok: true,
  payload: { type: 'hello-ok', features: { methods: [COMMIT_METHOD, ACTIVE_METHOD] } },
};

/** A gateway as far as the wire goes. `answer` returns the rest of the reply frame; nothing: it says nothing. */
async function gatewayThat(answer: Answer): Promise<{ url: string; port: number; requests: Request[] }> {
  const requests: Request[] = [];
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on('connection', (socket) => {
    socket.send(
      JSON.stringify({ type: 'event', event: 'connect.challenge', payload: { nonce: 'n', ts: 1 } }),
    );
    socket.on('message', (data) => {
      const request = JSON.parse(String(data)) as Request;
      requests.push(request);
      const reply = answer(request, socket);
      if (reply !== undefined) socket.send(JSON.stringify({ type: 'res', id: request.id, ...reply }));
    });
  });
  const { port } = server.address() as AddressInfo;
  return { url: `ws://127.0.0.1:${port}`, port, requests };
}

const auth = { token: 'secret-token' };
const IMPLEMENTATIONS = [
  ['the WebSocket of Node', globalThis.WebSocket],
  ['the ws package', WsWebSocket],
] as const;

describe.each(IMPLEMENTATIONS)('a connection with %s', (_what, webSocket) => {
  const connect = async (url: string, more = {}) => {
    const client = await GatewayClient.connect({ url, auth, webSocket, startingMs: 0, ...more });
    onTestFinished(() => client.close());
    return client;
  };

  test('answers the challenge as an operator and learns the methods', async () => {
    const { url, requests } = await gatewayThat(() => HELLO);
    expect([...(await connect(url)).methods]).toEqual([COMMIT_METHOD, ACTIVE_METHOD]);
    expect(requests[0]).toMatchObject({
      type: 'req',
      method: 'connect',
      params: { minProtocol: 4, maxProtocol: 4, role: 'operator', auth, client: { id: 'gateway-client' } },
    });
  });

  test('waits for a gateway that is just starting', async () => {
    let starts = 0;
    const { url } = await gatewayThat(() => {
      starts += 1;
      return starts < 3
        ? { ok: false, error: { code: 'UNAVAILABLE', message: 'starting', retryAfterMs: 50 } }
        : HELLO;
    });
    await connect(url, { startingMs: 5_000 });
    expect(starts).toBe(3);
  });

  test('gives each answer to the call that it belongs to, whatever the order', async () => {
    const held: (() => void)[] = [];
    const { url } = await gatewayThat((request, socket) => {
      if (request.method === 'connect') return HELLO;
      held.unshift(() =>
        socket.send(JSON.stringify({ type: 'res', id: request.id, ok: true, payload: request.params })),
      );
      if (held.length === 2) for (const send of held) send();
      return undefined;
    });
    const client = await connect(url);
    expect(await Promise.all([client.call('m', { n: 1 }), client.call('m', { n: 2 })])).toEqual([
      { n: 1 },
      { n: 2 },
    ]);
  });

  test.each([
    ['unauthorized: gateway token mismatch', 'gateway-denied'],
    ['missing scope: operator.admin', 'gateway-denied'],
    ['unknown method: clawback.commit', 'gateway-no-plugin'],
    ['something else', 'gateway-protocol'],
  ])('says what to do about %j', async (message, code) => {
    const { url } = await gatewayThat(({ method }) =>
      method === 'connect' ? HELLO : { ok: false, error: { code: 'INVALID_REQUEST', message } },
    );
    const failing = (await connect(url)).call('m', {});
    await expect(failing).rejects.toMatchObject({ code, hint: expect.any(String) });
    await expect(failing).rejects.not.toThrow(/secret-token/);
  });

  test("brings the plugin's own error over whole", async () => {
    const details = {
      code: 'archive-denied',
      message: 'open bucket: 403',
      hint: 'check it',
      retryable: false,
    };
    const { url } = await gatewayThat(({ method }) =>
      method === 'connect' ? HELLO : { ok: false, error: { code: 'UNAVAILABLE', message: 'x', details } },
    );
    await expect((await connect(url)).call('m', {})).rejects.toMatchObject(details);
  });

  test('ends a call that is not answered in time, and one whose connection breaks', async () => {
    const { url } = await gatewayThat(({ method }, socket) => {
      if (method === 'break') socket.terminate();
      return method === 'connect' ? HELLO : undefined;
    });
    const client = await connect(url, { callMs: 100 });
    await expect(client.call('silent', {})).rejects.toMatchObject({
      code: 'gateway-unreachable',
      retryable: true,
    });
    await expect(client.call('break', {})).rejects.toMatchObject({ code: 'gateway-unreachable' });
    await expect(client.call('later', {})).rejects.toMatchObject({ code: 'gateway-unreachable' });
  });

  test('is refused at once where nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    await expect(connect(`ws://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'gateway-unreachable' });
  });
});

describe('the road', () => {
  const running = { running: true, evidence: 'port', detail: 'it listens' } as const;
  const find = async (port: number, gateway: Parameters<typeof findRoad>[0]['gateway'] = running) => {
    const road = await findRoad({ gateway, port, auth: async () => auth });
    onTestFinished(() => road.close());
    return road;
  };

  test('is direct without a gateway, and nothing is asked', async () => {
    expect(await find(1, { running: false })).toMatchObject({ name: 'direct' });
  });

  test('leads through a gateway that has the plugin', async () => {
    expect(await find((await gatewayThat(() => HELLO)).port)).toMatchObject({ name: 'gateway' });
  });

  test.each<[string, Answer, RegExp, RegExp]>([
    ['one without it', () => ({ ok: true, payload: {} }), /without the clawback plugin/, /plugins install/],
    [
      'one with half of it',
      () => ({ ok: true, payload: { features: { methods: [COMMIT_METHOD] } } }),
      /older/,
      /--force/,
    ],
    [
      'one that knows another token',
      () => ({ ok: false, error: { message: 'unauthorized: gateway token mismatch' } }),
      /token mismatch/,
      /gateway\.auth/,
    ],
  ])('leads past %s, with the reason and what to type', async (_what, answer, why, hint) => {
    const road = await find((await gatewayThat(answer)).port);
    expect(road).toMatchObject({
      name: 'outside',
      why: expect.stringMatching(why),
      hint: expect.stringMatching(hint),
    });
  });
});
