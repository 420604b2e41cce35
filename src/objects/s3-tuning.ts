/** How patient the client is and how it cuts objects. Only tests use other values. */
export interface S3Tuning {
  /** TCP and TLS. Another continent takes under a second; ten cover a lossy link. */
  readonly connectMs: number;
  /** Silence on an open socket, before or amid an answer. */
  readonly idleMs: number;
  /** One call with all its retries, to which comes the time that `slowestBytesPerSecond` grants its bytes. */
  readonly callMs: number;
  /** A link slower than this is treated as broken, whatever trickles through. */
  readonly slowestBytesPerSecond: number;
  /** Attempts of one request (by the SDK) and of reading one body (by us). */
  readonly attempts: number;
  /** `adaptive` slows all requests of a client down once the service says 503 or 429, to one in two seconds at worst. */
  readonly retryMode: 'adaptive' | 'standard';
  /** Pause before our second attempt; doubled for each further one. */
  readonly pauseMs: number;
  /** Objects up to this size travel in one request, larger ones in parts of it. S3 wants at least 5 MiB. */
  readonly partBytes: number;
  /** S3's own limit; with parts of 8 MiB, 78 GiB an object. */
  readonly maxParts: number;
  /** Parts on their way at once. One more is being filled, so a writer holds three in memory. */
  readonly partsInFlight: number;
}

const MiB = 1 << 20;

export const S3_TUNING: S3Tuning = {
  connectMs: 10_000,
  idleMs: 30_000,
  callMs: 180_000,
  slowestBytesPerSecond: 64 * 1024,
  attempts: 5,
  retryMode: 'adaptive',
  pauseMs: 200,
  partBytes: 8 * MiB,
  maxParts: 10_000,
  partsInFlight: 2,
};

/** The time that so many bytes may take, beside `idleMs` or `callMs`. */
export function transferMs(tuning: S3Tuning, bytes: number): number {
  return Math.ceil((bytes / tuning.slowestBytesPerSecond) * 1000);
}
