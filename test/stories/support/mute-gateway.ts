import { type AddressInfo, createServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** Listens where a gateway would, and answers nobody. Returns the port. */
export async function listenAsGateway(): Promise<number> {
  const server = createServer((socket) => socket.resume().end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}
