import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayClient } from '../../../src/gateway/gateway-client.ts';
import { COMMIT_METHOD } from '../../../src/gateway/method-names.ts';
import { type Installation, openArchive, openInstallation } from '../../../src/installation.ts';
import { manifestKey, parseArchiveId } from '../../../src/manifest/keys.ts';
import { encodeManifest, type Manifest } from '../../../src/manifest/manifest.ts';
import { rowSha256 } from '../../../src/sessions/canonical-json.ts';
import { sessionIdOf } from '../../../src/sessions/row.ts';
import type { Row } from '../../../src/sessions/session-store.ts';
import { configureClawback } from './clawback.ts';
import { freePort, type Gateway, startGateway } from './gateway.ts';
import { createOpenClawHome, GATEWAY_TOKEN, type OpenClawHome } from './home.ts';
import { type MockModel, startMockModel } from './mock-model.ts';
import { installPlugin } from './plugin.ts';
import type { OpenClawRelease } from './release.ts';

/** A home whose gateway is up, with the plugin in it. */
export interface LiveHome {
  readonly home: OpenClawHome;
  readonly model: MockModel;
  readonly gateway: Gateway;
  readonly port: number;
  readonly installation: Installation;
  /** A connection of our own to the gateway. Closed with the home. */
  readonly client: GatewayClient;
  /** Puts a manifest into the archive that the home's clawback and its plugin are configured with. */
  putManifest(manifest: Omit<Manifest, 'instance'>): Promise<void>;
  remove(): Promise<void>;
}

export interface LiveHomeOptions {
  readonly retention?: Readonly<Record<string, string>>;
  /** Called with the home before the gateway starts. */
  readonly prepare?: (home: OpenClawHome) => Promise<void>;
}

export interface ArchivedRow {
  readonly archiveId: string;
  readonly sessionKey: string;
  readonly row: Row;
  readonly tombstone: Row | null;
}

/** A manifest of rows without files. Their archive ids are all of one batch. */
export function manifestOfRows(rows: readonly ArchivedRow[], storeId = 'main'): Omit<Manifest, 'instance'> {
  const batchId = parseArchiveId(rows[0]?.archiveId ?? '')?.batchId ?? '';
  return {
    format: 'clawback.manifest/1',
    tool: 'clawback/0.0.0',
    runId: batchId.slice(0, -5),
    batchId,
    createdAt: '2026-11-20T04:00:00.000Z',
    source: { kind: 'openclaw-file-store', storeId },
    verified: 'content',
    packs: [],
    sessions: rows.map(({ archiveId, sessionKey, row, tombstone }) => ({
      archiveId,
      sessionKey,
      sessionId: sessionIdOf(row),
      agentId: 'main',
      kind: 'channel',
      protected: true,
      action: tombstone === null ? 'remove' : 'trim',
      lastActivityMs: 0,
      row: { ...row },
      rowSha256: rowSha256(row),
      tombstone: tombstone === null ? null : { ...tombstone },
      files: [],
    })),
  };
}

/** @param pluginFolder what `packageFolder()` made. */
export async function startLiveHome(
  release: OpenClawRelease,
  pluginFolder: string,
  { retention = {}, prepare }: LiveHomeOptions = {},
): Promise<LiveHome> {
  const model = await startMockModel();
  const port = await freePort();
  const home = await createOpenClawHome({ gateway: port, model: model.port });
  const started: { gateway?: Gateway; client?: GatewayClient } = {};
  const remove = async () => {
    started.client?.close();
    await started.gateway?.stop();
    await model.close();
    await home.remove();
  };
  try {
    await mkdir(join(home.root, 'archive'), { mode: 0o700 });
    await writeFile(join(home.sessionsDir, 'sessions.json'), '{}', { mode: 0o600 });
    await configureClawback(home, retention);
    await installPlugin(release, home, pluginFolder);
    await prepare?.(home);
    const gateway = await startGateway(release, home);
    started.gateway = gateway;
    const installation = await openInstallation({
      stateDir: home.stateDir,
      env: home.env,
      clock: { nowMs: () => Date.now() },
    });
    const archive = await openArchive(installation, { create: true });
    const client = await GatewayClient.connect({
      url: `ws://127.0.0.1:${port}`,
      auth: { token: GATEWAY_TOKEN },
    });
    started.client = client;
    const putManifest = async (manifest: Omit<Manifest, 'instance'>) => {
      const whole = { ...manifest, instance: archive.instance };
      const frame = archive.codec.compress(encodeManifest(whole), 3);
      await archive.objects.put(manifestKey(archive.instance, manifest.batchId), frame);
    };
    return { home, model, gateway, port, installation, client, putManifest, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Calls the commit method as it is, past every check of our own side. */
export function commitRaw(live: LiveHome, request: unknown): Promise<unknown> {
  return live.client.call(COMMIT_METHOD, request as object);
}
