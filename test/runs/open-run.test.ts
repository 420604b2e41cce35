import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openInstallation } from '../../src/installation.ts';
import { LeaseLog } from '../../src/leases/lease-log.ts';
import { type OpenRun, withOpenRun } from '../../src/runs/open-run.ts';
import { recordOf } from '../support/leases.ts';
import { smallStateDir } from '../support/small-state.ts';
import { NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function listening(port = 0): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** A port at which nobody listens. */
async function freePort(): Promise<number> {
  const server = await listening();
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

interface Opened extends OpenRun {
  readonly sessionsDir: string;
  readonly port: number;
  mayCommit(): Promise<void> | undefined;
}

/** An open run of one store that began without a gateway. */
async function opened(body: (run: Opened) => Promise<void>): Promise<void> {
  const stateDir = await smallStateDir();
  const sessionsDir = join(stateDir, 'agents', 'main', 'sessions');
  const port = await freePort();
  const installation = await openInstallation({
    stateDir,
    env: {
      CLAWBACK_ARCHIVE: pathToFileURL(await temporaryFolder()).href,
      OPENCLAW_GATEWAY_PORT: String(port),
    },
    clock: { nowMs: () => NOW_MS, pause: async () => {} },
  });
  await withOpenRun(installation, { command: 'clawback archive' }, async (run) => {
    const mayCommit = () => run.line.stores[0]?.assertMayCommit();
    await mayCommit();
    await body({ ...run, sessionsDir, port, mayCommit });
  });
  expect(await readdir(sessionsDir)).not.toContain('.clawback.lock');
}

describe('an open run', () => {
  it('goes direct, holds lock and lease, and gives them back', async () => {
    await opened(async ({ road, sessionsDir, line }) => {
      expect(road.name).toBe('direct');
      expect(await readdir(sessionsDir)).toContain('.clawback.lock');
      await line.leases.assertHeld();
    });
  });

  it('may not commit any more once a gateway has come up', async () => {
    await opened(async ({ port, mayCommit }) => {
      const gateway = await listening(port);
      onTestFinished(() => void gateway.close());
      await expect(mayCommit()).rejects.toMatchObject({ code: 'gateway-running', retryable: true });
    });
  });

  it('may not commit any more once its lock is gone', async () => {
    await opened(async ({ sessionsDir, mayCommit }) => {
      await rm(join(sessionsDir, '.clawback.lock'));
      await expect(mayCommit()).rejects.toMatchObject({ code: 'locked' });
    });
  });

  it('may not commit any more once another holds its lease', async () => {
    await opened(async ({ line: { archive }, mayCommit }) => {
      const log = new LeaseLog(archive.objects, archive.instance, 'main');
      await log.append(((await log.newest())?.number ?? 0) + 1, recordOf());
      await expect(mayCommit()).rejects.toMatchObject({ code: 'lease-lost' });
    });
  });
});
