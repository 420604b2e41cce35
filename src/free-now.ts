/** Node keeps small buffers in pools of up to this size, which many share. */
const POOL_BYTES = 64 * 1024;

/**
 * Gives the memory of `bytes`, and of whatever else lies in the same buffer, back at once, where the runtime can
 * (Node 21 and later). Left to the garbage collector, which waits for 64 MB of it in every thread, more lies
 * about than is in use. Whoever calls this is the last to hold them: they are empty afterwards.
 */
export function freeNow({ buffer, byteLength }: Uint8Array): void {
  const isShared = buffer.byteLength <= POOL_BYTES && byteLength < buffer.byteLength;
  if (!isShared) (buffer as Transferable).transfer?.(0);
}

interface Transferable {
  transfer?(newLength: number): unknown;
}
