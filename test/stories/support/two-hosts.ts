import { randomBytes } from 'node:crypto';
import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Archive } from '../../../src/archive/archive.ts';
import { writeSlackStore } from '../../../src/demo/slack-store.ts';
import { DAY_MS, Home, type Settings } from './home.ts';

export const INSTANCE = 'oc-shared';

/** The compiled program has the system's clock; all homes count their ages from one moment. */
export const STARTED_MS = Date.now();

/** Incompressible, so that packing and reading it back takes long enough to be caught at it. */
export const LARGE_BYTES = 32 * 1024 * 1024;
const LARGE_NAME = '99999999-0000-4000-8000-000000000001.trajectory.jsonl';

/** A small store on a host of its own, archived under the one instance name that all of these have. */
export async function hostWith(settings: Settings = {}, largeBytes = 0, agentId = 'main'): Promise<Home> {
  const all = { instance: INSTANCE, retention: { protectedPruneAfter: '7d' }, jobs: 1, ...settings };
  const home = await Home.create({ settings: all, nowMs: STARTED_MS });
  const scales = { countScale: 0.05, sizeScale: 0.01 };
  await writeSlackStore({ stateDir: home.stateDir, nowMs: STARTED_MS, agentId, ...scales });
  if (largeBytes > 0) {
    const path = join(home.sessionsDir(agentId), LARGE_NAME);
    await writeFile(path, randomBytes(largeBytes), { mode: 0o600 });
    const agedSeconds = (STARTED_MS - 30 * DAY_MS) / 1000;
    await utimes(path, agedSeconds, agedSeconds);
  }
  return home;
}

/** Two hosts that mount one archive folder. @param otherAgentId of the second: another one than `main` is a store of its own. */
export async function twoHosts(largeBytes = 0, otherAgentId = 'main'): Promise<readonly [Home, Home]> {
  const [one, other] = [await hostWith({}, largeBytes), await hostWith({}, largeBytes, otherAgentId)];
  await mkdir(one.archiveDir, { mode: 0o700 });
  await symlink(one.archiveDir, other.archiveDir);
  return [one, other];
}

/** The runs that have committed, in the order of their manifests: a run that was interrupted by another is here twice. */
export async function committedRuns(archive: Archive): Promise<string[]> {
  const manifests = await archive.manifests(await archive.batchIds());
  const inOrder = manifests.sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt));
  return inOrder.map(({ runId }) => runId).filter((runId, at, all) => runId !== all[at - 1]);
}

/** Resolves once a pack, or the beginning of one, lies in the archive folder. */
export async function untilAnyPack(home: Home): Promise<void> {
  while ((await packNames(home)).length === 0) await new Promise((resolve) => setImmediate(resolve));
}

/** Of the archive folder: packs, and what is to become one. */
export async function packNames(home: Home): Promise<string[]> {
  return readdir(join(home.archiveDir, INSTANCE, 'packs')).catch(() => []);
}

export function expectOneAfterTheOther(runs: readonly string[]): void {
  expect(runs).toEqual([...new Set(runs)]);
}
