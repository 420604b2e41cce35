import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { transcriptText, writeAged } from '../../stories/support/rooms.ts';
import { type OpenClawHome, type Row, type SessionRows, writeRows } from './home.ts';

/** Where OpenClaw answers, however a row spells it. */
export interface Address {
  readonly channel: string;
  readonly to: string;
  readonly accountId: string;
  readonly threadId?: string | number;
}

/** A conversation of a kind that becomes a tombstone. */
export interface Shape {
  readonly what: string;
  /** Behind `agent:main:`. `#` is where its number goes. */
  readonly rest: string;
  readonly address: Address;
  readonly chatType: 'channel' | 'group';
  /** Rows of old releases have only `last*`. */
  readonly isLegacy?: boolean;
  readonly hasNoSessionId?: boolean;
  readonly settings?: Row;
}

const THREAD_TS = '1700000000.00010#';
const TELEGRAM = { channel: 'telegram', to: 'telegram:-100123456789#', accountId: 'default' };
const slack = (to: string) => ({ channel: 'slack', to, accountId: 'default' });

export const SHAPES: readonly Shape[] = [
  {
    what: 'a Slack channel',
    rest: 'slack:channel:c0ops#',
    address: slack('channel:C0OPS#'),
    chatType: 'channel',
  },
  {
    what: 'a Slack thread',
    rest: `slack:channel:c0ops#:thread:${THREAD_TS}`,
    address: { ...slack('channel:C0OPS#'), threadId: THREAD_TS },
    chatType: 'channel',
  },
  {
    what: 'a Slack thread whose row has only last*',
    rest: `slack:channel:c0old#:thread:${THREAD_TS}`,
    address: { ...slack('channel:C0OLD#'), threadId: THREAD_TS },
    chatType: 'channel',
    isLegacy: true,
  },
  {
    what: 'a Slack channel with settings of its own',
    rest: 'slack:channel:c0set#',
    address: slack('channel:C0SET#'),
    chatType: 'channel',
    settings: { thinkingLevel: 'high', verboseLevel: 'on', label: 'numbers #', groupActivation: 'always' },
  },
  {
    what: 'a Slack channel whose row has no session id',
    rest: 'slack:channel:c0noid#',
    address: slack('channel:C0NOID#'),
    chatType: 'channel',
    hasNoSessionId: true,
  },
  {
    what: 'a Slack group message',
    rest: 'slack:group:g0mpim#',
    address: slack('channel:G0MPIM#'),
    chatType: 'group',
  },
  { what: 'a Telegram group', rest: 'telegram:group:-100123456789#', address: TELEGRAM, chatType: 'group' },
  {
    what: 'a Telegram topic',
    rest: 'telegram:group:-100123456789#:topic:42',
    address: { ...TELEGRAM, threadId: 42 },
    chatType: 'group',
  },
  {
    what: 'a Discord channel',
    rest: 'discord:channel:98765432109876543#',
    address: { channel: 'discord', to: 'channel:98765432109876543#', accountId: 'default' },
    chatType: 'channel',
  },
  {
    what: 'a WhatsApp group',
    rest: 'whatsapp:group:12036300000000000#@g.us',
    address: { channel: 'whatsapp', to: '12036300000000000#@g.us', accountId: 'default' },
    chatType: 'group',
  },
];

/** One conversation of a shape, as it is in the store. */
export interface Shaped {
  readonly shape: Shape;
  readonly sessionKey: string;
  readonly address: Address;
  readonly settings: Row;
  readonly text: string;
}

/** The conversations with this number, one of each shape. */
export function shaped(n: number): Shaped[] {
  const numbered = <T>(value: T) => JSON.parse(JSON.stringify(value).replaceAll('#', String(n))) as T;
  return SHAPES.map((shape) => ({
    shape,
    sessionKey: numbered(`agent:main:${shape.rest}`),
    address: numbered(shape.address),
    settings: numbered(shape.settings ?? {}),
    text: `${shape.what}, number ${n}`,
  }));
}

/** Writes the rows and transcripts of conversations that were last talked in at `updatedAtMs`, beside `others`. */
export async function writeShapedStore(
  home: OpenClawHome,
  conversations: readonly { readonly updatedAtMs: number; readonly shaped: readonly Shaped[] }[],
  others: SessionRows,
): Promise<void> {
  await mkdir(home.sessionsDir, { recursive: true });
  const rows: SessionRows = { ...others };
  let count = 0;
  for (const { updatedAtMs, shaped: ofAge } of conversations) {
    for (const one of ofAge) {
      count += 1;
      const sessionId = `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`;
      const path = join(home.sessionsDir, `${sessionId}.jsonl`);
      const identity = one.shape.hasNoSessionId ? {} : { sessionId, sessionFile: path };
      rows[one.sessionKey] = { ...identity, ...rowOf(one, updatedAtMs) };
      if (!one.shape.hasNoSessionId)
        await writeAged(path, transcriptText({ sessionId, updatedAtMs, text: one.text }), updatedAtMs);
    }
  }
  await writeRows(home, rows);
}

function rowOf({ shape, address, settings }: Shaped, updatedAtMs: number): Row {
  const { channel, to, accountId, threadId } = address;
  return {
    updatedAt: updatedAtMs,
    sessionStartedAt: updatedAtMs,
    lastInteractionAt: updatedAtMs,
    chatType: shape.chatType,
    channel,
    ...(shape.isLegacy ? {} : { deliveryContext: address }),
    lastChannel: channel,
    lastTo: to,
    lastAccountId: accountId,
    ...(threadId === undefined ? {} : { lastThreadId: threadId }),
    ...settings,
  };
}
