/** Compared at once by the engine; inside of the first piece that differs, byte by byte. */
const PIECE_BYTES = 16 * 1024;

/** How many bytes two buffers have in common at their beginning. */
export function commonPrefix(a: Buffer, b: Buffer): number {
  const limit = Math.min(a.length, b.length);
  let at = 0;
  while (at < limit) {
    const end = Math.min(at + PIECE_BYTES, limit);
    if (a.compare(b, at, end, at, end) !== 0) break;
    at = end;
  }
  while (at < limit && a[at] === b[at]) at += 1;
  return at;
}

/** How many bytes they have in common at their end, at most `limit`. */
export function commonSuffix(a: Buffer, b: Buffer, limit: number): number {
  let count = 0;
  while (count < limit) {
    const next = Math.min(count + PIECE_BYTES, limit);
    const isSame = a.compare(b, b.length - next, b.length - count, a.length - next, a.length - count) === 0;
    if (!isSame) break;
    count = next;
  }
  while (count < limit && a[a.length - 1 - count] === b[b.length - 1 - count]) count += 1;
  return count;
}
