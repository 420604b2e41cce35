import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, errnoOf } from '../errors.ts';
import { LocalState } from '../state/local-state.ts';
import { type Finding, ok, problem, warning } from './check.ts';
import type { Examination } from './examination.ts';

/** Others than the owner may write: they could put files where clawback and OpenClaw believe what they find. */
const WRITABLE_BY_OTHERS = 0o022;

/** Whether we may do in the state folder and in the sessions folders what a run does there. */
export async function checkPermissions({ installation, stateDir }: Examination): Promise<readonly Finding[]> {
  const stores = installation.ok ? installation.value.stores.filter(({ state }) => state === 'file') : [];
  const folders = [...new Set([stateDir, ...stores.map(({ sessionsDir }) => sessionsDir)])];
  const own = new LocalState(stateDir).directory;
  const findings: Finding[] = [];
  for (const folder of folders) findings.push(...(await lookAt(folder)));
  if (await isThere(own)) findings.push(...(await lookAt(own)));
  return findings.length > 0 ? findings : [ok(`may read and write ${folders.join(', ')}`)];
}

async function lookAt(folder: string): Promise<Finding[]> {
  try {
    const stats = await stat(folder);
    const { mode, uid } = stats;
    if (!stats.isDirectory()) {
      const hint = "name OpenClaw's state folder with --state-dir";
      return [problem({ message: `use ${folder}: it is no folder`, hint })];
    }
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return [...asSomebodyElse(folder, uid), ...openToOthers(folder, mode)];
  } catch (error) {
    const hint =
      errnoOf(error) === 'ENOENT'
        ? `name OpenClaw's state folder with --state-dir; ${dirname(folder)} has none of this name`
        : 'run clawback as the user that runs OpenClaw';
    return [problem({ message: `use ${folder}: ${describe(error)}`, hint })];
  }
}

function asSomebodyElse(folder: string, uid: number): Finding[] {
  const us = process.getuid?.();
  if (us === undefined || us === uid) return [];
  return [
    warning(
      `${folder} belongs to user ${uid}, and this is user ${us}: files that a restore puts back will be ours`,
      'run clawback as the user that runs OpenClaw',
    ),
  ];
}

function openToOthers(folder: string, mode: number): Finding[] {
  if ((mode & WRITABLE_BY_OTHERS) === 0) return [];
  return [
    warning(
      `${folder} has mode ${(mode & 0o777).toString(8)}: others than its owner may write there`,
      `chmod go-w ${folder}`,
    ),
  ];
}

async function isThere(folder: string): Promise<boolean> {
  try {
    await stat(folder);
    return true;
  } catch (error) {
    // ENOTDIR: the state folder is a file, which the settings have said.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}
