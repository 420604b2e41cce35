import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { probeGateway } from '../../src/openclaw/gateway-probe.ts';
import { readProcessStart } from '../../src/openclaw/process-alive.ts';

const DEAD_PID = 2 ** 22 + 1;

let root: string;
let stateDir: string;
let configPath: string;
let closedPort: number;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'clawback-gateway-'));
  stateDir = join(root, 'state');
  configPath = join(stateDir, 'openclaw.json');
  await mkdir(stateDir);
  await writeFile(configPath, '{}');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  closedPort = (server.address() as AddressInfo).port;
  server.close();
  await once(server, 'close');
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

function probe(port = closedPort) {
  return probeGateway({ stateDir, configPath, port, tmpDir: root });
}

/** Writes a lock as OpenClaw 2026.5.28 does, for the config under `path`. */
async function writeLock(path: string, payload: object | string) {
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 8);
  const lock = join(root, `openclaw-${process.getuid?.()}`, `gateway.${hash}.lock`);
  await mkdir(dirname(lock), { recursive: true });
  await writeFile(
    lock,
    typeof payload === 'string' ? payload : JSON.stringify({ configPath: path, ...payload }),
  );
  return lock;
}

const live = () => ({
  pid: process.pid,
  createdAt: '2026-11-20T10:00:00.000Z',
  startTime: readProcessStart(process.pid),
});

describe('a gateway', () => {
  test('without lock and port does not run', async () => {
    expect(await probe()).toEqual({ running: false });
  });

  test('that holds the lock of this config runs', async () => {
    const lock = await writeLock(configPath, live());
    const detail = `process ${process.pid} holds ${lock}`;
    expect(await probe()).toEqual({ running: true, evidence: 'lock', detail });
  });

  test('that was started through a link to the same config runs as well', async () => {
    await symlink(stateDir, join(root, 'link'));
    await writeLock(join(root, 'link', 'openclaw.json'), live());
    expect(await probe()).toMatchObject({ running: true, evidence: 'lock' });
  });

  test('of another config is not ours', async () => {
    await writeLock('/elsewhere/openclaw.json', live());
    expect(await probe()).toEqual({ running: false });
  });

  test.each([
    ['has ended', { ...live(), pid: DEAD_PID }],
    ['has handed its pid on', { ...live(), startTime: 1 }],
  ])('that %s does not run', async (_name, payload) => {
    await writeLock(configPath, payload);
    expect(await probe()).toEqual({ running: false });
  });

  test('that is writing its lock runs; an old lock without content is a left-over', async () => {
    const lock = await writeLock(configPath, '');
    expect(await probe()).toMatchObject({ running: true, evidence: 'lock' });
    await utimes(lock, new Date(0), new Date(0));
    expect(await probe()).toEqual({ running: false });
  });

  test('that answers on its port runs, whatever the lock says: it may be in a container', async () => {
    await writeLock(configPath, { ...live(), pid: DEAD_PID });
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const detail = `127.0.0.1:${port} accepts connections`;
      expect(await probe(port)).toEqual({ running: true, evidence: 'port', detail });
    } finally {
      server.close();
    }
  });

  test.runIf(process.platform === 'linux')(
    'that is too busy to accept a connection runs: its kernel queue is full',
    async () => {
      const busy = spawn(process.execPath, ['-e', TOO_BUSY], { stdio: ['ignore', 'pipe', 'inherit'] });
      const queued: Socket[] = [];
      try {
        const port = Number(String((await once(busy.stdout, 'data'))[0]));
        // One more than fits into a queue of one: Linux drops whoever comes next.
        for (let n = 0; n < 2; n += 1) {
          const socket = createConnection({ host: '127.0.0.1', port });
          queued.push(socket);
          await once(socket, 'connect');
        }
        const detail = `127.0.0.1:${port} neither accepts nor refuses connections`;
        expect(await probe(port)).toEqual({ running: true, evidence: 'port', detail });
      } finally {
        for (const socket of queued) socket.destroy();
        busy.kill('SIGKILL');
      }
    },
  );
});

/** Listens, says where, and never looks again. */
const TOO_BUSY = `
require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
  require('node:fs').writeSync(1, String(this.address().port));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
`;
