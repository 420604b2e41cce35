import { join } from 'node:path';
import { type Thread, threadRow, transcriptName, transcriptText, writeAged } from './rooms.ts';
import type { TrimmedHome } from './trimmed.ts';

export const NEXT_ID = '33333333-aaaa-4bbb-8ccc-000000000003';

/** The thread goes on under a session of its own: what OpenClaw leaves after a turn on a tombstone. */
export async function revive(
  { home, thread, key }: Pick<TrimmedHome, 'home' | 'thread' | 'key'>,
  changes: Partial<Thread> = {},
): Promise<Thread> {
  const next = { ...thread, sessionId: NEXT_ID, updatedAtMs: home.nowMs, ...changes };
  await writeAged(join(home.sessionsDir(), transcriptName(next)), transcriptText(next), home.nowMs);
  await home.changeRows((rows) => ({
    ...rows,
    [key]: { ...rows[key], ...threadRow(home.sessionsDir(), next), lastTo: 'channel:C0RENAMED' },
  }));
  return next;
}
