import { join } from 'node:path';
import type { Row } from '../../../src/sessions/session-store.ts';
import { DAY_MS, Home, type HomeOptions } from './home.ts';
import { type Thread, threadOf, transcriptName, writeThreadStore } from './rooms.ts';
import { type FileState, readFileState } from './tree.ts';

export const TRIM = { retention: { protectedPruneAfter: '7d' } };

/** A home whose one old thread has been archived, beside one that is in use. */
export interface TrimmedHome {
  readonly home: Home;
  readonly thread: Thread;
  readonly key: string;
  /** The row and the transcript as they were. */
  readonly row: Row;
  readonly transcript: string;
  readonly state: FileState;
}

export const CHANNEL = 'C0GENERAL1';
export const THREAD_TS = '1762500000.123456';
export const OLD_ID = '11111111-aaaa-4bbb-8ccc-000000000001';

export async function trimmedHome(options: HomeOptions = {}): Promise<TrimmedHome> {
  const home = await Home.create({ settings: TRIM, ...options });
  const thread = threadOf(CHANNEL, THREAD_TS, {
    sessionId: OLD_ID,
    updatedAtMs: home.nowMs - 9 * DAY_MS,
    text: 'the quarterly numbers',
  });
  const busy = threadOf(CHANNEL, '1763600000.000200', {
    sessionId: '22222222-aaaa-4bbb-8ccc-000000000002',
    updatedAtMs: home.nowMs - 2 * DAY_MS,
    text: 'lunch',
  });
  await writeThreadStore(home.storePath(), { main: [thread, busy] });
  const key = `agent:main:${thread.rest}`;
  const row = (await home.rows())[key] ?? {};
  const transcript = join(home.sessionsDir(), transcriptName(thread));
  const state = await readFileState(transcript);
  await home.json('archive');
  return { home, thread, key, row, transcript, state };
}

/** A home with one agent and one old thread, which a run would archive. */
export async function oldThreadHome(nowMs?: number): Promise<Home> {
  const home = await Home.create({ settings: TRIM, ...(nowMs === undefined ? {} : { nowMs }) });
  await writeThreadStore(home.storePath(), { main: [oldThread(home)] });
  return home;
}

export function oldThread(home: Home, sessionId = 's-1'): Thread {
  return threadOf('C0A', '1762500000.000000', { sessionId, updatedAtMs: home.nowMs - 9 * DAY_MS, text: 'x' });
}
