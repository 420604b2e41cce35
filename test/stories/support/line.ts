import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP line to a server that a test can cut: every connection on it dies at once, and new ones are
 * refused until it is mended. The server behind it notices nothing else.
 */
export class Line {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #target: URL;
  #isCut = false;
  /** Requests that have begun to come through, by their first line. */
  readonly requests: string[] = [];
  /** Told of every request before it goes on; true cuts the line in its place. */
  cutBefore: (request: string) => boolean = () => false;

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer((client) => this.#join(client));
  }

  static async to(endpoint: string): Promise<Line> {
    const line = new Line(new URL(endpoint));
    await new Promise<void>((resolve) => line.#server.listen(0, '127.0.0.1', resolve));
    return line;
  }

  get endpoint(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the line is not open');
    return `http://127.0.0.1:${address.port}`;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
    this.cutBefore = () => false;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #join(client: Socket): void {
    if (this.#isCut) {
      client.destroy();
      return;
    }
    const server = connect({ host: this.#target.hostname, port: Number(this.#target.port) });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      // A reset is what a cut looks like; `close` follows.
      from.on('error', () => to.destroy());
    }
    server.pipe(client);
    client.on('data', (chunk: Buffer) => {
      const request = /^(?:PUT|POST|GET|HEAD|DELETE) \S+/.exec(chunk.toString('latin1'))?.[0];
      if (request !== undefined) {
        this.requests.push(request);
        if (this.cutBefore(request)) return this.cut();
      }
      server.write(chunk);
      return undefined;
    });
  }
}
