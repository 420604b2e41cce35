/**
 * The grammar of OpenClaw session keys, as the file-store releases (up to 2026.7.35)
 * apply it. Pure; keys are compared in lower case, as OpenClaw does.
 */

export const SESSION_KINDS = [
  'model-run',
  'channel',
  'thread',
  'group',
  'direct',
  'cron',
  'hook',
  'subagent',
  'acp',
  'slash',
  'main',
  'other',
] as const;

export type SessionKind = (typeof SESSION_KINDS)[number];

/** The fields of a row that take part in its classification. */
export interface RowConversationType {
  readonly chatType?: unknown;
  readonly origin?: unknown;
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const MODEL_RUN = new RegExp(`^agent:[^:\\s]+:explicit:model-run-${UUID}$`, 'i');
const AGENT_KEY = /^agent:([^:]+):(.+)$/i;
const THREAD_SUFFIX = /:thread:./;
const TELEGRAM_TOPIC = /^telegram:(?:group|channel|direct|dm):.+:topic:[^:]+$/;
const ROOM = /^[^:]+:(group|channel):.+$/;
const DIRECT = /(?:^|:)(?:direct|dm):[^:]/;
const HEARTBEAT = /^heartbeat$|:heartbeat(?::|$)/;

/** Agent id and the rest of a canonical key, in lower case. Undefined for legacy keys without `agent:`. */
export function parseSessionKey(sessionKey: string): { agentId: string; rest: string } | undefined {
  const match = AGENT_KEY.exec(sessionKey.trim());
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { agentId: match[1].toLowerCase(), rest: match[2].toLowerCase() };
}

/** A one-shot probe of `openclaw infer model run --gateway`. The key alone decides. */
export function isModelRunKey(sessionKey: string): boolean {
  return MODEL_RUN.test(sessionKey);
}

/** Machine-made sessions. OpenClaw never protects them, whatever else their key looks like. */
function isSynthetic(rest: string): boolean {
  return /^(?:subagent|acp|acp-bridge|cron|hook|node):/.test(rest) || HEARTBEAT.test(rest);
}

/**
 * Whether OpenClaw exempts the row from age, cap and disk budget. A running gateway also knows
 * the thread grammar of its channel plugins; the suffix rule here is the common denominator.
 */
export function isProtected(sessionKey: string, row: RowConversationType): boolean {
  const key = sessionKey.trim().toLowerCase();
  const rest = parseSessionKey(key)?.rest ?? key;
  if (isSynthetic(rest)) return false;
  if (THREAD_SUFFIX.test(key) || TELEGRAM_TOPIC.test(rest) || ROOM.test(rest)) return true;
  return /^(?:group|channel|thread)$/.test(conversationType(row));
}

/** The bucket in which operators count a row. */
export function kindOf(sessionKey: string, row: RowConversationType): SessionKind {
  if (isModelRunKey(sessionKey)) return 'model-run';
  const key = sessionKey.trim().toLowerCase();
  const rest = parseSessionKey(key)?.rest ?? key;
  const synthetic = /^(subagent|acp|cron|hook)(?:-bridge)?:/.exec(rest)?.[1];
  if (synthetic !== undefined) return synthetic as SessionKind;
  if (isSynthetic(rest)) return 'other';
  if (THREAD_SUFFIX.test(key) || TELEGRAM_TOPIC.test(rest)) return 'thread';
  const room = ROOM.exec(rest)?.[1];
  if (room !== undefined) return room as SessionKind;
  const type = conversationType(row);
  if (type === 'group' || type === 'channel' || type === 'thread') return type;
  if (/^[^:]+:slash:.+$/.test(rest)) return 'slash';
  if (DIRECT.test(rest)) return 'direct';
  return rest === 'main' ? 'main' : 'other';
}

function conversationType(row: RowConversationType): string {
  const origin = row.origin as { chatType?: unknown } | null | undefined;
  const type = row.chatType ?? (typeof origin === 'object' ? origin?.chatType : undefined);
  return typeof type === 'string' ? type.trim().toLowerCase() : '';
}
