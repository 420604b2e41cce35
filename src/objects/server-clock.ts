/** How far this host's clock is from a server's, as the `Date` of its answers tells. */
export class ServerClock {
  #aheadMs: number | undefined;

  /** Positive: this host is ahead. Undefined until an answer has told the time. */
  get aheadMs(): number | undefined {
    return this.#aheadMs;
  }

  note(date: string | undefined, nowMs: number): void {
    const serverMs = Date.parse(date ?? '');
    if (Number.isNaN(serverMs)) return;
    const aheadMs = nowMs - serverMs;
    // An answer can only be late: the smallest difference is the truest.
    if (this.#aheadMs === undefined || Math.abs(aheadMs) < Math.abs(this.#aheadMs)) this.#aheadMs = aheadMs;
  }
}
