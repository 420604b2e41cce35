import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { ClawbackError, describe, errnoOf } from '../errors.ts';
import { isAgentId } from './agent-id.ts';
import { findMigrationMarker } from './migrated-store.ts';
import type { OpenClawConfig } from './openclaw-config.ts';

export interface StoreLocation {
  /** Safe in a file name or an object key: the agent's id, or `shared`. */
  readonly id: string;
  /** Undefined for a store that all agents share. */
  readonly agentId?: string;
  readonly storePath: string;
  readonly sessionsDir: string;
  /** `<state>/media/outgoing`, one for all agents. */
  readonly mediaDir: string;
  /**
   * `file`: a regular file, ours to work on. `migrated`: OpenClaw keeps these
   * sessions in SQLite now. `symlink`: the file, or a folder of the agent, is a
   * link or no regular file; it is never followed and never written. `absent`:
   * there is none.
   */
  readonly state: 'file' | 'migrated' | 'symlink' | 'absent';
  /** What shows it, for people. */
  readonly detail?: string;
}

export interface StoreDiscovery {
  readonly stateDir: string;
  readonly openclaw: Pick<OpenClawConfig, 'agentIds' | 'sessionStore'>;
  /** Only these agents; all where it is absent. */
  readonly agents?: readonly string[];
}

const AGENT_SEGMENT = '{agentId}';

/**
 * Every session store of this OpenClaw: of the agents that it is configured with
 * and of those that only the disk knows, by id. A folder on the disk without a
 * store is no agent.
 *
 * @throws {ClawbackError} `usage` for an agent that does not exist; `store-unreadable`
 *   if a folder cannot be read, because an unseen store is not an absent one.
 */
export async function discoverStores({
  stateDir,
  openclaw,
  agents,
}: StoreDiscovery): Promise<StoreLocation[]> {
  const agentsDir = join(stateDir, 'agents');
  const mediaDir = join(stateDir, 'media', 'outgoing');
  const template = openclaw.sessionStore ?? join(agentsDir, AGENT_SEGMENT, 'sessions', 'sessions.json');
  const onDisk = new Set([...(await agentsIn(agentsDir)), ...(await agentsIn(parentOfAgents(template)))]);
  const wanted = agents?.map((agent) => agent.toLowerCase());
  if (!template.includes(AGENT_SEGMENT)) {
    const known = [...new Set([...openclaw.agentIds, ...onDisk])].sort();
    rejectUnknown(wanted, known);
    return [{ ...(await locateShared(template, agentsDir, known)), mediaDir }];
  }
  const candidates = [...new Set([...openclaw.agentIds, ...onDisk])].sort();
  const located = await Promise.all(
    candidates.map(async (agentId) => ({ ...(await locate(template, agentsDir, agentId)), mediaDir })),
  );
  const stores = located.filter((store) => store.state !== 'absent' || openclaw.agentIds.includes(store.id));
  rejectUnknown(
    wanted,
    stores.map((store) => store.id),
  );
  return wanted === undefined ? stores : stores.filter((store) => wanted.includes(store.id));
}

function rejectUnknown(wanted: readonly string[] | undefined, known: readonly string[]): void {
  const unknown = wanted?.find((agent) => !known.includes(agent));
  if (unknown === undefined) return;
  throw new ClawbackError('usage', `find the sessions of agent ${JSON.stringify(unknown)}: no such agent`, {
    hint: `known agents: ${known.join(', ')}`,
  });
}

async function locate(
  template: string,
  agentsDir: string,
  agentId: string,
): Promise<Omit<StoreLocation, 'mediaDir'>> {
  const storePath = template.replaceAll(AGENT_SEGMENT, agentId);
  const sessionsDir = dirname(storePath);
  const place = { id: agentId, agentId, storePath, sessionsDir };
  const seen = await inspect(storePath, firstOwnFolder(template, agentId));
  if (seen.state === 'symlink') return { ...place, ...seen };
  const marker = await findMigrationMarker(join(agentsDir, agentId), sessionsDir);
  return marker === undefined ? { ...place, ...seen } : { ...place, state: 'migrated', detail: marker };
}

/** One file for all agents. Agents migrate one by one, and the first of them ends its use. */
async function locateShared(
  storePath: string,
  agentsDir: string,
  agentIds: readonly string[],
): Promise<Omit<StoreLocation, 'mediaDir'>> {
  const sessionsDir = dirname(storePath);
  const place = { id: 'shared', storePath, sessionsDir };
  const seen = await inspect(storePath, sessionsDir);
  if (seen.state === 'symlink') return { ...place, ...seen };
  for (const agentId of agentIds) {
    const marker = await findMigrationMarker(join(agentsDir, agentId), sessionsDir);
    if (marker !== undefined) return { ...place, state: 'migrated', detail: marker };
  }
  return { ...place, ...seen };
}

/** Looks at the file and at every folder from `top` down to it. Folders above may be links: another disk, say. */
async function inspect(storePath: string, top: string): Promise<Pick<StoreLocation, 'state' | 'detail'>> {
  const folders: string[] = [];
  for (let folder = dirname(storePath); folder.length >= top.length; folder = dirname(folder)) {
    folders.unshift(folder);
    if (dirname(folder) === folder) break;
  }
  for (const folder of folders) {
    const stats = await lstatIfPresent(folder);
    if (!stats) return { state: 'absent', detail: `${folder} does not exist` };
    if (!stats.isDirectory()) return { state: 'symlink', detail: `${folder} is ${nameOf(stats)}` };
  }
  const stats = await lstatIfPresent(storePath);
  if (!stats) return { state: 'absent', detail: `${storePath} does not exist` };
  return stats.isFile()
    ? { state: 'file' }
    : { state: 'symlink', detail: `${storePath} is ${nameOf(stats)}` };
}

function nameOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return 'a symbolic link';
  return stats.isFile() ? 'a file' : stats.isDirectory() ? 'a folder' : 'neither a file nor a folder';
}

/** The topmost folder that belongs to one agent alone. */
function firstOwnFolder(template: string, agentId: string): string {
  const segments = dirname(template).split(sep);
  const index = segments.findIndex((segment) => segment.includes(AGENT_SEGMENT));
  const own = index < 0 ? segments : segments.slice(0, index + 1);
  return own.join(sep).replaceAll(AGENT_SEGMENT, agentId);
}

/** The folder whose children are named after agents; undefined where the template has no such folder. */
function parentOfAgents(template: string): string | undefined {
  const segments = template.split(sep);
  const index = segments.indexOf(AGENT_SEGMENT);
  return index < 0 || index === segments.length - 1 ? undefined : segments.slice(0, index).join(sep) || sep;
}

async function agentsIn(folder: string | undefined): Promise<readonly string[]> {
  if (folder === undefined) return [];
  try {
    return (await readdir(folder)).filter(isAgentId);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw unreadable(folder, error);
  }
}

async function lstatIfPresent(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): ClawbackError {
  return new ClawbackError('store-unreadable', `look for session stores in ${path}: ${describe(cause)}`, {
    hint: 'run clawback as the user that runs OpenClaw',
    cause,
  });
}
