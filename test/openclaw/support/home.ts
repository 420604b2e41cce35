import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CACHE } from './release.ts';

/** One isolated OpenClaw: its own HOME, state, config and temporary folder, all below one temp folder. */
export interface OpenClawHome {
  readonly root: string;
  readonly stateDir: string;
  readonly configPath: string;
  /** The sessions folder of the agent `main`. */
  readonly sessionsDir: string;
  /** The whole environment of a process that works for this home. Nothing is inherited. */
  readonly env: NodeJS.ProcessEnv;
  remove(): Promise<void>;
}

export type Row = Record<string, unknown>;
export type SessionRows = Record<string, Row>;

/** Where the gateway and the mock model of a home listen, on loopback. */
export interface HomePorts {
  readonly gateway: number;
  readonly model: number;
}

export const GATEWAY_TOKEN = 'test-token';

/** Makes an empty home. Ports that nothing will listen on may be any number; `plugins` are folders of test-only plugins. */
export async function createOpenClawHome(
  ports: HomePorts,
  plugins: readonly string[] = [],
): Promise<OpenClawHome> {
  const root = await mkdtemp(join(tmpdir(), 'clawback-openclaw-'));
  const stateDir = join(root, 'state');
  const configPath = join(stateDir, 'openclaw.json');
  const sessionsDir = join(stateDir, 'agents', 'main', 'sessions');
  for (const dir of [join(root, 'home'), join(root, 'tmp'), sessionsDir])
    await mkdir(dir, { recursive: true });
  await writeFile(configPath, JSON.stringify(openclawConfig(root, ports, plugins), null, 2), { mode: 0o600 });
  return {
    root,
    stateDir,
    configPath,
    sessionsDir,
    env: environment(root, stateDir, configPath),
    remove: () => rm(root, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** The rows of the agent `main`, as they are on disk. */
export async function readRows(home: OpenClawHome): Promise<SessionRows> {
  return JSON.parse(await readFile(join(home.sessionsDir, 'sessions.json'), 'utf8')) as SessionRows;
}

/** Writes sessions.json the way OpenClaw does. Only while no gateway runs. */
export async function writeRows(home: OpenClawHome, rows: SessionRows): Promise<void> {
  await writeFile(join(home.sessionsDir, 'sessions.json'), JSON.stringify(rows, null, 2), { mode: 0o600 });
}

function openclawConfig(root: string, ports: HomePorts, plugins: readonly string[]): object {
  const model = {
    id: 'm1',
    name: 'Mock',
    reasoning: false,
    input: ['text'],
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    contextWindow: 120_000,
    maxTokens: 4096,
  };
  const mock = {
    baseUrl: `http://127.0.0.1:${ports.model}/v1`,
    apiKey: 'none',
    api: 'openai-completions',
    models: [model],
  };
  return {
    gateway: {
      mode: 'local',
      port: ports.gateway,
      bind: 'loopback',
      auth: { mode: 'token', token: GATEWAY_TOKEN },
    },
    agents: { defaults: { model: 'mock/m1', workspace: join(root, 'workspace'), skipBootstrap: true } },
    models: { mode: 'replace', providers: { mock } },
    ...(plugins.length === 0 ? {} : { plugins: pluginSettings(plugins) }),
    logging: { file: join(root, 'openclaw.log') },
    // OpenClaw's default policy, with the daily hour half a day away: no test ever runs across it.
    session: { reset: { mode: 'daily', atHour: (new Date().getUTCHours() + 12) % 24 } },
  };
}

/** Loaded from where they are: the folder's name is the plugin's id. */
function pluginSettings(folders: readonly string[]): object {
  const entries = folders.map((folder) => [basename(folder), { enabled: true }] as const);
  return { load: { paths: folders }, entries: Object.fromEntries(entries) };
}

function environment(root: string, stateDir: string, configPath: string): NodeJS.ProcessEnv {
  const guard = new URL('./loopback-only.mjs', import.meta.url);
  return {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: join(root, 'home'),
    TMPDIR: join(root, 'tmp'),
    TZ: 'UTC',
    NODE_OPTIONS: `--import=${guard.href}`,
    NODE_COMPILE_CACHE: join(CACHE, 'openclaw-compile-cache'),
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_CONFIG_PATH: configPath,
    OPENCLAW_NO_RESPAWN: '1',
    OPENCLAW_NO_AUTO_UPDATE: '1',
    OPENCLAW_SKIP_CHANNELS: '1',
    OPENCLAW_SKIP_CRON: '1',
    OPENCLAW_SKIP_BROWSER_CONTROL_SERVER: '1',
    OPENCLAW_SKIP_CANVAS_HOST: '1',
    OPENCLAW_DISABLE_BONJOUR: '1',
  };
}
