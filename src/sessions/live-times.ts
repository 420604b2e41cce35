/** The waits of a commit beside OpenClaw processes that write the same store. */
export interface LiveTimes {
  /** How long a commit is watched: who read the store before our rename has written back by then. */
  readonly lookAgainMs: number;
  /** From when on no OpenClaw process can write back rows that it read before: its cache lives for 45 s. */
  readonly settleMs: number;
  /** When one commit gives up, transcripts being locked meanwhile. Three in a row are made. */
  readonly patienceMs: number;
}

export const LIVE_TIMES: LiveTimes = { lookAgainMs: 2_000, settleMs: 46_000, patienceMs: 20_000 };
