import { stat } from 'node:fs/promises';
import { errnoOf } from '../errors.ts';
import type { Finding } from './check.ts';
import type { Examination } from './examination.ts';
import { freeBytes, LEAST_FREE_BYTES, spaceFinding } from './free-bytes.ts';

const WANTED = {
  bytes: LEAST_FREE_BYTES,
  why: 'a run writes every sessions.json that it changes a second time, and a restore writes whole transcripts',
};

/** Whether there is room where the sessions are, once for each file system. */
export async function checkSpace({ installation }: Examination): Promise<readonly Finding[]> {
  if (!installation.ok) return [];
  const stores = installation.value.stores.filter(({ state }) => state === 'file');
  const folders = new Map<number, string>();
  for (const { sessionsDir } of stores) {
    const device = await deviceOf(sessionsDir);
    if (device !== undefined && !folders.has(device)) folders.set(device, sessionsDir);
  }
  const findings: Finding[] = [];
  for (const folder of folders.values()) {
    const free = await freeBytes(folder);
    if (free !== undefined) findings.push(spaceFinding(`the sessions in ${folder}`, free, WANTED));
  }
  return findings;
}

/** Undefined for a folder that cannot be looked at: the check of the permissions says so. */
async function deviceOf(folder: string): Promise<number | undefined> {
  try {
    return (await stat(folder)).dev;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
