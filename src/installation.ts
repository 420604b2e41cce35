import { homedir, tmpdir } from 'node:os';
import { Archive } from './archive/archive.ts';
import { CatalogueCache } from './archive/catalogue-cache.ts';
import type { Clock } from './clock.ts';
import { openCodec } from './codec/open.ts';
import type { Config } from './config/config.ts';
import { type LoadedConfig, loadConfig } from './config/load-config.ts';
import { ClawbackError } from './errors.ts';
import { LEASE_TIMES, type LeaseTimes } from './leases/lease-times.ts';
import { assertInstance } from './manifest/keys.ts';
import { openObjectStore } from './objects/open.ts';
import { readActivity, withGatewayRuns } from './openclaw/activity.ts';
import { discoverStores, type StoreLocation } from './openclaw/discover-stores.ts';
import { type GatewayState, probeGateway } from './openclaw/gateway-probe.ts';
import { type OpenClawConfig, readOpenClawConfig } from './openclaw/openclaw-config.ts';
import { type Environment, resolveStateDir } from './openclaw/state-dir.ts';
import { type ArchivePlan, type PlanInput, planArchive } from './plan/plan.ts';
import { type Snapshot, scan } from './scan/scan.ts';
import { FileSessionStore } from './sessions/file-session-store.ts';
import { LIVE_TIMES, type LiveTimes } from './sessions/live-times.ts';
import { LocalState } from './state/local-state.ts';

export interface InstallationOptions {
  readonly stateDir?: string | undefined;
  readonly configFile?: string | undefined;
  /** Overrides the configured archive. */
  readonly archive?: string | undefined;
  /** Only these agents; all if absent. */
  readonly agents?: readonly string[] | undefined;
  readonly jobs?: number | undefined;
  readonly env: Environment;
  readonly clock: Clock;
  /** @default LIVE_TIMES */
  readonly liveTimes?: LiveTimes | undefined;
  /** @default LEASE_TIMES */
  readonly leaseTimes?: LeaseTimes | undefined;
}

/** One OpenClaw on this machine, with its settings and ours. */
export interface Installation {
  readonly stateDir: string;
  readonly config: Config;
  readonly openclaw: OpenClawConfig;
  /** The stores of the agents that were asked for. */
  readonly stores: readonly StoreLocation[];
  /** All of them: what another agent's row references is no orphan. */
  readonly allStores: readonly StoreLocation[];
  readonly state: LocalState;
  readonly clock: Clock;
  readonly env: Environment;
  readonly agents: readonly string[] | undefined;
  /** The waits of commits beside a gateway. */
  readonly liveTimes: LiveTimes;
  /** How long a lease holds. */
  readonly leaseTimes: LeaseTimes;
}

/** Reads configuration and finds the stores; contacts no archive and writes nothing. */
export async function openInstallation(options: InstallationOptions): Promise<Installation> {
  const { env, clock, agents, liveTimes = LIVE_TIMES, leaseTimes = LEASE_TIMES } = options;
  const stateDir = stateDirOf(options);
  const { config } = await loadInstallationConfig(stateDir, options);
  const openclaw = await readOpenClawConfig({ stateDir, env });
  const allStores = await discoverStores({ stateDir, openclaw });
  const stores = agents === undefined ? allStores : await discoverStores({ stateDir, openclaw, agents });
  const state = new LocalState(stateDir);
  return { stateDir, config, openclaw, stores, allStores, state, clock, env, agents, liveTimes, leaseTimes };
}

/** OpenClaw's state folder: as named, else as OpenClaw itself finds it. Need not exist. */
export function stateDirOf({ stateDir, env }: InstallationOptions): string {
  return resolveStateDir({ flag: stateDir, env, homedir: homedir() });
}

export function loadInstallationConfig(
  stateDir: string,
  { env, configFile, archive, jobs }: InstallationOptions,
): Promise<LoadedConfig> {
  const flags = { ...(archive === undefined ? {} : { archive }), ...(jobs === undefined ? {} : { jobs }) };
  return loadConfig({ stateDir, env, flags, ...(configFile === undefined ? {} : { configFile }) });
}

/** The stores that are ours to work on. @throws {ClawbackError} if there is none, saying what there is instead. */
export function workableStores({ stores, stateDir }: Installation): readonly StoreLocation[] {
  const workable = stores.filter(({ state }) => state === 'file');
  if (workable.length > 0) return workable;
  const migrated = stores.find(({ state }) => state === 'migrated');
  if (migrated !== undefined) {
    throw new ClawbackError(
      'store-migrated',
      `open the sessions of agent ${migrated.id}: they have moved to SQLite (${migrated.detail})`,
      {
        hint: 'clawback works on the sessions.json of OpenClaw up to 2026.7.35; nothing was touched',
      },
    );
  }
  const linked = stores.find(({ state }) => state === 'symlink');
  if (linked !== undefined) {
    throw new ClawbackError(
      'store-not-regular',
      `open ${linked.storePath}: ${linked.detail ?? 'it is not a regular file'}`,
      {
        hint: 'clawback never writes through links; point session.store at the real file',
      },
    );
  }
  throw new ClawbackError('no-session-store', `find session stores in ${stateDir}: there is none`, {
    hint: 'name the OpenClaw state folder with --state-dir, or try: clawback demo',
  });
}

/** Everything about one store at this moment. */
export async function takeSnapshot(
  { stateDir, openclaw, allStores }: Installation,
  store: StoreLocation,
  beside: Beside = {},
): Promise<Snapshot> {
  const sharing = allStores.filter(
    ({ sessionsDir, state }) => sessionsDir === store.sessionsDir && state !== 'absent',
  );
  const neighbours = sharing.filter(
    ({ storePath, state }) => storePath !== store.storePath && state === 'file',
  );
  const others = allStores
    .filter(({ state }) => state === 'file')
    .filter((other) => !sharing.includes(other));
  return scan({
    store,
    sessions: new FileSessionStore(store.storePath),
    neighbours: neighbours.map(({ storePath }) => new FileSessionStore(storePath)),
    others: others.map(({ storePath }) => new FileSessionStore(storePath)),
    // Of several stores in one folder the first has the orphans; none, if there is one whose rows we cannot read.
    ownsOrphans: sharing[0]?.storePath === store.storePath && sharing.every(({ state }) => state === 'file'),
    activity: withGatewayRuns(await readActivity(stateDir, openclaw), beside.active ?? new Map()),
    ownLocks: beside.ownLocks ?? new Set(),
  });
}

/** What only this process knows of a store at this moment. */
export interface Beside {
  /** Session keys that a running gateway works on, with what it says of them. */
  readonly active?: ReadonlyMap<string, string>;
  /** Names of lock files that we hold ourselves: they keep nothing. */
  readonly ownLocks?: ReadonlySet<string>;
}

export async function planStore(
  installation: Installation,
  store: StoreLocation,
  beside?: Beside,
): Promise<ArchivePlan> {
  return planArchive(await lookAtStore(installation, store, beside));
}

/** All that a plan is made of. */
export async function lookAtStore(
  installation: Installation,
  store: StoreLocation,
  beside?: Beside,
): Promise<PlanInput> {
  const { config, agents, clock, state } = installation;
  return {
    snapshot: await takeSnapshot(installation, store, beside),
    policy: { ...config.retention, ...(agents === undefined ? {} : { agentIds: agents }) },
    nowMs: clock.nowMs(),
    restoredAtMs: await state.restoredAtMs(),
  };
}

/** The gateway of this OpenClaw, if one is up. */
export function findGateway({
  stateDir,
  openclaw,
}: Pick<Installation, 'stateDir' | 'openclaw'>): Promise<GatewayState> {
  const { configPath, gatewayPort: port } = openclaw;
  return probeGateway({ stateDir, configPath, port, tmpDir: tmpdir() });
}

/** For a run that began without a gateway. @throws {ClawbackError} `gateway-running`: one that has come up since could lose our change, or we its. */
export async function assertNoGateway(installation: Installation): Promise<void> {
  const gateway = await findGateway(installation);
  if (!gateway.running) return;
  throw new ClawbackError('gateway-running', `look for a running gateway: ${gateway.detail}`, {
    hint: 'it has started meanwhile; run again, and the commit is made beside it',
    retryable: true,
  });
}

export interface OpenArchiveOptions {
  /** Makes the instance's name if there is none yet: for runs that write. */
  readonly create: boolean;
}

/** The archive that the configuration names. @throws {ClawbackError} `config-invalid` if nothing says which instance to read. */
export async function openArchive(
  { config, state }: Installation,
  { create }: OpenArchiveOptions,
): Promise<Archive> {
  const instance = config.instance ?? (create ? await state.makeInstance() : await state.instance());
  if (instance === undefined) {
    throw new ClawbackError(
      'config-invalid',
      `open archive ${config.archive}: this state folder has never archived, so it has no instance in it`,
      {
        hint: 'run clawback archive first; to read what another host has archived, name it: CLAWBACK_INSTANCE=oc-…, a top-level folder of the archive',
      },
    );
  }
  assertInstance(instance);
  const [objects, codec] = await Promise.all([
    openObjectStore({ url: config.archive, s3: config.s3 }),
    openCodec(config.compression.engine),
  ]);
  return new Archive(objects, codec, instance, new CatalogueCache(state.cacheDir, objects.url));
}
