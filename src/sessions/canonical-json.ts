import { createHash } from 'node:crypto';

/** JSON with object keys in code-unit order at every depth: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Hex SHA-256 of the canonical JSON of a row: what a conditional commit compares. */
export function rowSha256(row: unknown): string {
  return createHash('sha256').update(canonicalJson(row)).digest('hex');
}
