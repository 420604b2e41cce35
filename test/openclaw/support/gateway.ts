import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { OpenClawHome } from './home.ts';
import type { OpenClawRelease } from './release.ts';

/** A running `openclaw gateway`. Stop it: it holds half a gigabyte. */
export interface Gateway {
  /** Everything it has printed so far. */
  log(): string;
  /** Asks it to end, and kills it when it does not. Resolves when the process is gone. */
  stop(): Promise<void>;
}

const READY = /\[gateway\] ready/;
const READY_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 20_000;

/** A port that nothing listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * Starts the gateway that the home's config describes and resolves when it answers.
 * @throws Error with its output if it ends before, or is not ready in time.
 */
export async function startGateway(release: OpenClawRelease, home: OpenClawHome): Promise<Gateway> {
  const child = spawn(process.execPath, [join(release.packageDir, 'openclaw.mjs'), 'gateway', 'run'], {
    cwd: home.root,
    env: home.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  child.once('exit', () => process.off('exit', killWithUs));

  let output = '';
  const gateway: Gateway = { log: () => output, stop: () => stopChild(child) };
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => giveUp(`not ready after ${READY_TIMEOUT_MS} ms`), READY_TIMEOUT_MS);
    const giveUp = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`start openclaw gateway: ${why}\n${output}`));
    };
    const onOutput = (chunk: string) => {
      output += chunk;
      if (!READY.test(output)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.setEncoding('utf8').on('data', onOutput);
    child.stderr.setEncoding('utf8').on('data', onOutput);
    child.once('error', (error) => giveUp(error.message));
    child.once('exit', (exitCode, signal) => giveUp(`ended with ${exitCode ?? signal}`));
  });
  return gateway;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(timer);
}
