/** How long a lease holds, and how clocks that differ are allowed for. */
export interface LeaseTimes {
  /** How long one record holds. A run that can renew nothing for this long commits nothing any more. */
  readonly ttlMs: number;
  /** How often it is renewed. */
  readonly renewMs: number;
  /** How much later than it says an expired lease may be taken by another host, whose clock may be ahead. */
  readonly skewMs: number;
}

/**
 * Ten minutes outlast a restart of the archive's server and three minutes of retries of one call, and keep nobody
 * waiting for a night after a crash. Two minutes leave room for four renewals to fail. Five minutes are more than an
 * unattended clock loses in months; were they too few, the check before each commit would still keep the loser out.
 */
export const LEASE_TIMES: LeaseTimes = { ttlMs: 600_000, renewMs: 120_000, skewMs: 300_000 };
