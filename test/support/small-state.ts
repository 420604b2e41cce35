import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DAY_MS, NOW_MS } from './snapshot.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const OLD_MODEL_RUN = 'agent:main:explicit:model-run-5f0e6f0e-0a1b-4c2d-8e3f-00000000000a';

/** A state folder with one agent: a model run of two days and a channel of an hour. */
export async function smallStateDir(): Promise<string> {
  const stateDir = await temporaryFolder();
  const sessionsDir = join(stateDir, 'agents', 'main', 'sessions');
  await mkdir(sessionsDir, { recursive: true });
  const rows = {
    [OLD_MODEL_RUN]: { sessionId: 'probe', updatedAt: NOW_MS - 2 * DAY_MS },
    'agent:main:slack:channel:c1': { sessionId: 'live', updatedAt: NOW_MS - DAY_MS / 24 },
  };
  await writeFile(join(sessionsDir, 'sessions.json'), JSON.stringify(rows, null, 2));
  const header = {
    type: 'session',
    version: 3,
    id: 'probe',
    timestamp: new Date(NOW_MS - 2 * DAY_MS).toISOString(),
  };
  await writeFile(join(sessionsDir, 'probe.jsonl'), `${JSON.stringify(header)}\n`);
  const seconds = (NOW_MS - 2 * DAY_MS) / 1000;
  await utimes(join(sessionsDir, 'probe.jsonl'), seconds, seconds);
  return stateDir;
}
