import { basename } from 'node:path';
import { canonicalJson } from './canonical-json.ts';
import type { Row } from './session-store.ts';

/**
 * OpenClaw derives these from other fields when it loads a row, or folds older ones into them, and writes them into
 * every row at its next full save.
 */
const DERIVED = new Set([
  'route',
  'deliveryContext',
  'channel',
  'lastChannel',
  'lastTo',
  'lastAccountId',
  'lastThreadId',
  'groupChannel',
  'provider',
  'lastProvider',
  'room',
  'model',
  'modelProvider',
]);

/**
 * Whether the row that was found is the one that was put there, as it was or as OpenClaw saves it: with derived
 * fields more or fewer, but none of another value, with its prompts elsewhere, and, from 2026.6.11 on, with the name
 * of its transcript spelt out as a path.
 */
export function isSameButDerived(found: Row, put: Row): boolean {
  const fields = new Set([...Object.keys(found), ...Object.keys(put)]);
  return [...fields].every((field) => isSameField(field, found[field], put[field]));
}

/** The same of one field. */
export function isSameField(field: string, found: unknown, put: unknown): boolean {
  if (field === 'skillsSnapshot') return true;
  if (DERIVED.has(field) && (found === undefined || put === undefined)) return true;
  if (field === 'sessionFile' && typeof found === 'string' && typeof put === 'string')
    return basename(found) === basename(put);
  return canonicalJson(found ?? null) === canonicalJson(put ?? null);
}
