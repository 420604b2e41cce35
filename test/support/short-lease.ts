import type { LeaseTimes } from '../../src/leases/lease-times.ts';

/** All on one machine, so there is nothing to allow for. */
export const SHORT_LEASE: LeaseTimes = { ttlMs: 3_000, renewMs: 500, skewMs: 0 };
