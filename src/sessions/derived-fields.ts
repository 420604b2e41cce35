import { rowSha256 } from './canonical-json.ts';
import type { Row } from './session-store.ts';

/** OpenClaw derives these from other fields when it loads a row, and writes them into every row at its next full save. */
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
  'skillsSnapshot',
]);

/** Whether the row that was found is the one that was put there, as it was or as OpenClaw saves it. */
export function isSameButDerived(found: Row, put: Row): boolean {
  return rowSha256(withoutDerived(found)) === rowSha256(withoutDerived(put));
}

function withoutDerived(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([field]) => !DERIVED.has(field)));
}
