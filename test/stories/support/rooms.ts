import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Row } from '../../../src/sessions/session-store.ts';
import { HOUR_MS } from './home.ts';

/** Fields that decide where an answer goes. */
export const ROUTING = [
  'route',
  'deliveryContext',
  'origin',
  'channel',
  'chatType',
  'lastChannel',
  'lastTo',
  'lastAccountId',
  'lastThreadId',
  'groupId',
  'groupChannel',
  'subject',
  'space',
  'displayName',
] as const;

export function routingOf(row: Row | undefined): Row {
  return Object.fromEntries(
    ROUTING.filter((field) => row?.[field] !== undefined).map((field) => [field, row?.[field]]),
  );
}

export interface Conversation {
  /** Behind `agent:<id>:`. */
  readonly rest: string;
  readonly sessionId: string;
  readonly updatedAtMs: number;
  /** What the user said. */
  readonly text: string;
}

/** A Slack thread by hand: `C0ABC`, `1712345678.901234`. */
export function threadOf(
  channelId: string,
  threadTs: string,
  more: Omit<Conversation, 'rest'>,
): Conversation & { readonly channelId: string; readonly threadTs: string } {
  return {
    rest: `slack:channel:${channelId.toLowerCase()}:thread:${threadTs}`,
    channelId,
    threadTs,
    ...more,
  };
}

export type Thread = ReturnType<typeof threadOf>;

/** A row and its transcript, in a store that may hold others. Returns the row. */
export function threadRow(sessionsDir: string, thread: Thread): Row {
  const { channelId, threadTs, sessionId, updatedAtMs } = thread;
  const to = `channel:${channelId}`;
  return {
    sessionId,
    updatedAt: updatedAtMs,
    sessionStartedAt: updatedAtMs - HOUR_MS,
    lastInteractionAt: updatedAtMs,
    sessionFile: join(sessionsDir, transcriptName(thread)),
    status: 'done',
    chatType: 'channel',
    channel: 'slack',
    groupId: channelId.toLowerCase(),
    groupChannel: '#general',
    displayName: 'slack:#general',
    deliveryContext: { channel: 'slack', to, accountId: 'default', threadId: threadTs },
    lastChannel: 'slack',
    lastTo: to,
    lastAccountId: 'default',
    lastThreadId: threadTs,
    systemPromptReport: { source: 'run', tools: { entries: [] } },
    inputTokens: 12,
  };
}

export function transcriptName({ sessionId, threadTs }: Thread): string {
  return `${sessionId}-topic-${threadTs}.jsonl`;
}

export function transcriptText({ sessionId, updatedAtMs, text }: Omit<Conversation, 'rest'>): string {
  const timestamp = new Date(updatedAtMs).toISOString();
  const entries = [
    { type: 'session', version: 3, id: sessionId, timestamp, cwd: '/home/operator' },
    {
      type: 'message',
      id: '00000001',
      parentId: null,
      timestamp,
      message: { role: 'user', content: [{ type: 'text', text }], timestamp: updatedAtMs },
    },
    {
      type: 'message',
      id: '00000002',
      parentId: '00000001',
      timestamp,
      message: {
        role: 'assistant',
        content: [{ type: 'text', text: `About ${text}: done.` }],
        timestamp: updatedAtMs,
      },
    },
  ];
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

/** Writes a file as old as its conversation. */
export async function writeAged(path: string, text: string | Uint8Array, atMs: number): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  await utimes(path, atMs / 1000, atMs / 1000);
}

/** A whole store by hand, with one transcript a thread. `storePath` may lie anywhere. */
export async function writeThreadStore(
  storePath: string,
  threads: Readonly<Record<string, readonly Thread[]>>,
): Promise<void> {
  const sessionsDir = join(storePath, '..');
  await mkdir(sessionsDir, { recursive: true });
  const rows: Record<string, Row> = {};
  for (const [agentId, ofAgent] of Object.entries(threads)) {
    for (const thread of ofAgent) {
      rows[`agent:${agentId}:${thread.rest}`] = threadRow(sessionsDir, thread);
      await writeAged(join(sessionsDir, transcriptName(thread)), transcriptText(thread), thread.updatedAtMs);
    }
  }
  await writeFile(storePath, JSON.stringify(rows, null, 2), { mode: 0o600 });
}
