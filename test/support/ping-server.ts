import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface SeenPing {
  readonly method: string;
  /** `/uuid/start`. */
  readonly path: string;
  readonly rid: string | null;
  readonly body: string;
}

/** A check of one's own: a real server on this machine that remembers its pings. */
export class PingServer {
  readonly pings: SeenPing[] = [];
  readonly url: string;
  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}/0d1c9a7e-ping`;
  }

  /** @param answer how each ping is answered; one that ends nothing hangs. @default 200 OK */
  static async start(
    answer: (response: ServerResponse, ping: SeenPing, seen: number) => void = (response) =>
      response.end('OK'),
  ): Promise<PingServer> {
    let server: PingServer | undefined;
    const http = createServer((request, response) => {
      void seen(request).then((ping) => {
        server?.pings.push(ping);
        answer(response, ping, server?.pings.length ?? 0);
      });
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      http.closeAllConnections();
      http.close();
    });
    server = new PingServer((http.address() as AddressInfo).port);
    return server;
  }

  get paths(): string[] {
    return this.pings.map(({ path }) => path.replace('/0d1c9a7e-ping', ''));
  }
}

async function seen(request: IncomingMessage): Promise<SeenPing> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  return { method: request.method ?? '', path: pathname, rid: searchParams.get('rid'), body };
}

/** A port on which nothing listens: it was free a moment ago. */
export async function closedPort(): Promise<number> {
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  await new Promise((resolve) => http.close(resolve));
  return port;
}
