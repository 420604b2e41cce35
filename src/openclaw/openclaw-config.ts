import { existsSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { homedir as accountHome } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { ClawbackError, describe, errnoOf } from '../errors.ts';
import { listConfiguredAgents } from './agent-id.ts';
import { resolveIncludes } from './config-includes.ts';
import { gatewayPort } from './gateway-port.ts';
import { readOpenClawEnvironment, substitute } from './openclaw-environment.ts';
import { isRecord, type JsonRecord, parseJson5, recordAt } from './read-json5.ts';
import { type Environment, expandHome, resolveHome } from './state-dir.ts';

/** When OpenClaw starts a conversation afresh. Absent fields have its defaults: daily, at 4 in the morning. */
export interface ResetPolicy {
  readonly mode?: 'daily' | 'idle';
  /** Local hour, 0 to 23. */
  readonly atHour?: number;
  /** Minutes; above 0. */
  readonly idleMinutes?: number;
}

/** What clawback needs to know of `openclaw.json`. The file is never written. */
export interface OpenClawConfig {
  /** Where the file is, or would be: the path whose hash names the gateway's lock. */
  readonly configPath: string;
  /** `configPath` where the file exists. */
  readonly path?: string;
  /** `session.store` as an absolute path, `{agentId}` kept. */
  readonly sessionStore?: string;
  /** Ids in `agents.list` and of ACP agents, in lower case and valid; `main` where the list is empty. */
  readonly agentIds: readonly string[];
  /** Who answers where no agent is named: the first of the list, or the one marked as default. */
  readonly defaultAgentId: string;
  /** The name of an agent's main conversation: `agent:<id>:<mainKey>`. @default "main" */
  readonly mainKey: string;
  /** `session.maintenance.maxEntries`. @default 500 */
  readonly maxEntries: number;
  readonly reset: ResetPolicy;
  readonly resetByType: Readonly<Record<string, ResetPolicy>>;
  readonly resetByChannel: Readonly<Record<string, ResetPolicy>>;
  /** `cron.store` as an absolute path, where it is set. */
  readonly cronStore?: string;
  readonly gatewayPort: number;
}

export interface OpenClawConfigInput {
  readonly stateDir: string;
  readonly env: Environment;
  /** @default os.homedir() */
  readonly homedir?: string;
}

/** The whole of `openclaw.json` as it is written, includes put in. It holds secrets: look at it and let it go. */
export interface OpenClawRoot {
  readonly configPath: string;
  readonly isThere: boolean;
  readonly root: JsonRecord;
  /** The variables as the gateway has them. */
  readonly env: Environment;
  readonly home: string;
}

/** @throws {ClawbackError} `config-invalid` if the file, or one that it includes, does not parse. */
export async function readOpenClawRoot(input: OpenClawConfigInput): Promise<OpenClawRoot> {
  const home = resolveHome(input.env, input.homedir ?? accountHome());
  const configPath = resolveConfigPath(input.stateDir, input.env, home);
  const text = await readIfPresent(configPath);
  const root = text === undefined ? {} : await parseWhole(configPath, text, includeRoots(input.env, home));
  const env = await readOpenClawEnvironment(input.stateDir, input.env, root);
  return { configPath, isThere: text !== undefined, root, env, home };
}

/**
 * @throws {ClawbackError} `config-invalid` if the file, or one that it includes,
 *   does not parse, or a value that clawback relies on makes no sense.
 */
export async function readOpenClawConfig(input: OpenClawConfigInput): Promise<OpenClawConfig> {
  const { configPath, isThere, root, env, home } = await readOpenClawRoot(input);
  const session = recordAt(root, 'session');
  const sessionStore = absolutePath(session.store, 'session.store', env, home, configPath);
  const cronStore = absolutePath(recordAt(root, 'cron').store, 'cron.store', env, home, configPath);
  const maxEntries = recordAt(session, 'maintenance').maxEntries;
  return {
    configPath,
    ...(isThere ? { path: configPath } : {}),
    ...(sessionStore === undefined ? {} : { sessionStore }),
    ...(cronStore === undefined ? {} : { cronStore }),
    ...listConfiguredAgents(root),
    mainKey: (typeof session.mainKey === 'string' && session.mainKey.trim().toLowerCase()) || 'main',
    maxEntries: isPositiveInteger(maxEntries) ? maxEntries : 500,
    reset: resetPolicy(session.reset),
    resetByType: resetPolicies(session.resetByType),
    resetByChannel: resetPolicies(session.resetByChannel),
    gatewayPort: gatewayPort(env, root),
  };
}

function resolveConfigPath(stateDir: string, env: Environment, home: string): string {
  const explicit = env.OPENCLAW_CONFIG_PATH?.trim();
  if (explicit) return expandHome(explicit, home);
  const [current, legacy] = [join(stateDir, 'openclaw.json'), join(stateDir, 'clawdbot.json')];
  return !existsSync(current) && existsSync(legacy) ? legacy : current;
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new ClawbackError('config-invalid', `read OpenClaw config ${path}: ${describe(error)}`, {
      hint: 'run clawback as the user that runs OpenClaw',
      cause: error,
    });
  }
}

async function parseWhole(path: string, text: string, extraRoots: readonly string[]): Promise<JsonRecord> {
  const roots = await Promise.all(
    [dirname(path), ...extraRoots.filter((root) => existsSync(root))].map((root) => realpath(root)),
  );
  const whole = await resolveIncludes(parseJson5(path, text.replace(/^\uFEFF/, '')), path, roots);
  if (isRecord(whole)) return whole;
  throw new ClawbackError('config-invalid', `read OpenClaw config ${path}: not an object`);
}

function includeRoots(env: Environment, home: string): string[] {
  const folders = (env.OPENCLAW_INCLUDE_ROOTS ?? '')
    .split(delimiter)
    .filter((folder) => folder.trim() !== '');
  return folders.map((folder) => expandHome(folder, home));
}

function absolutePath(
  value: unknown,
  key: string,
  env: Environment,
  home: string,
  file: string,
): string | undefined {
  if (value === undefined || value === '') return undefined;
  const problem = (what: string) =>
    new ClawbackError('config-invalid', `read OpenClaw config ${file}: ${key} ${what}`, {
      hint: `write ${key} as an absolute path or one that starts with ~/`,
    });
  if (typeof value !== 'string') throw problem('is not a path');
  const { text, missing } = substitute(value, env);
  if (missing !== undefined) throw problem(`needs the environment variable ${missing}, which is not set`);
  const expanded = text.trim().startsWith('~') ? expandHome(text, home) : text.trim();
  // OpenClaw would take it from the folder that the gateway was started in, which nobody else knows.
  if (!isAbsolute(expanded)) throw problem('is a relative path');
  return expanded;
}

function resetPolicies(value: unknown): Record<string, ResetPolicy> {
  return Object.fromEntries(
    isRecord(value) ? Object.entries(value).map(([name, policy]) => [name, resetPolicy(policy)]) : [],
  );
}

/** Keeps the fields that make sense; OpenClaw refuses the others itself. */
function resetPolicy(value: unknown): ResetPolicy {
  const { mode, atHour, idleMinutes } = isRecord(value) ? value : {};
  return {
    ...(mode === 'daily' || mode === 'idle' ? { mode } : {}),
    ...(Number.isInteger(atHour) && (atHour as number) >= 0 && (atHour as number) <= 23
      ? { atHour: atHour as number }
      : {}),
    ...(isPositiveInteger(idleMinutes) ? { idleMinutes } : {}),
  };
}

function isPositiveInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
