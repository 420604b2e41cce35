import { ClawbackError } from '../errors.ts';
import type { ManifestSession } from '../manifest/manifest.ts';
import { ROUTING_FIELDS } from '../sessions/row.ts';
import { parseSessionKey, SESSION_KINDS } from '../sessions/session-key.ts';
import { literally } from './lines-naming.ts';

/** Where a row may name a person: its routing, its label, and the conversations that it came from. */
const SEARCHED_FIELDS = [
  ...ROUTING_FIELDS,
  'label',
  'chatType',
  'room',
  'spawnedBy',
  'parentSessionKey',
] as const;

/** Words of the grammar of keys: no channel gives a user such an id, and nearly every session has one of them. */
const STRUCTURE = new Set<string>([
  ...SESSION_KINDS,
  ...['agent', 'dm', 'topic', 'explicit', 'heartbeat', 'node', 'user', 'default', 'unknown', 'global'],
  ...['slack', 'telegram', 'discord', 'whatsapp', 'signal', 'matrix', 'imessage', 'msteams', 'webchat'],
]);

/** @throws {ClawbackError} `usage` for what is no user's id. */
export function readSubject(text: string): string {
  const subject = text.trim();
  if (subject !== '' && !STRUCTURE.has(subject.toLowerCase())) return subject;
  throw new ClawbackError(
    'usage',
    `forget --subject ${JSON.stringify(text.slice(0, 80))}: that is no user's id`,
    {
      hint: 'type the id as the channel has it, e.g. clawback forget --subject U0123ABCD',
    },
  );
}

/** Whether the session's key or row has the id as a word of its own: U123 is not in U1234. Pure. */
export function namesSubject(
  { sessionKey, row }: Pick<ManifestSession, 'sessionKey' | 'row'>,
  subject: string,
): boolean {
  const word = `[\\p{L}\\p{N}_.@+-]`;
  const pattern = new RegExp(`(?<!${word})${literally(subject)}(?!${word})`, 'iu');
  const texts = [
    ...(sessionKey === null ? [] : [behindAgent(sessionKey)]),
    ...SEARCHED_FIELDS.flatMap((field) => (row === null ? [] : textsIn(row[field]))),
  ];
  return texts.some((text) => pattern.test(text));
}

/** An agent may be called like a user. */
function behindAgent(sessionKey: string): string {
  return parseSessionKey(sessionKey)?.rest ?? sessionKey;
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string' || typeof value === 'number') return [behindAgent(String(value))];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
