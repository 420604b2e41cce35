/** Storage that a reader must wait for, by the names that the service has for it. */
export const COLD_STORAGE = ['GLACIER', 'DEEP_ARCHIVE', 'ARCHIVE_ACCESS', 'DEEP_ARCHIVE_ACCESS'] as const;
export type ColdStorage = (typeof COLD_STORAGE)[number];

/** What `stat` tells of an object that lies in such storage. */
export interface ColdState {
  readonly storage: ColdStorage;
  /** `thawing`: asked for, not there yet. `thawed`: can be read for a while. */
  readonly state: 'cold' | 'thawing' | 'thawed';
  /** `thawed`: when it is cold again, in epoch milliseconds, where the server says so. */
  readonly coldAgainAtMs?: number;
}

/** How fast a thaw is to be, and so how dear. */
export const THAW_TIERS = ['expedited', 'standard', 'bulk'] as const;
export type ThawTier = (typeof THAW_TIERS)[number];

export interface ThawRequest {
  readonly tier: ThawTier;
  /** How long it can be read then, where the storage lets us choose. From 1. */
  readonly days: number;
}

/** `requested`: by this call. `in-progress`: by an earlier one. `ready`: it can be read now. */
export type ThawAnswer = 'requested' | 'in-progress' | 'ready';

/** Whether a read of it would be answered with `object-cold`. */
export function isUnreadable(cold: ColdState | undefined): cold is ColdState {
  return cold !== undefined && cold.state !== 'thawed';
}
