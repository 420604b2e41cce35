/** What is older than this counts for about a third. */
const WINDOW_MS = 20_000;
/** What happened in less time says nothing of the rest. */
const LEAST_MS = 1000;

/** Units a second over the last while. Pure: time comes from whoever tells of the units. */
export class SmoothedRate {
  #last: { readonly atMs: number; readonly total: number } | undefined;
  #watchedMs = 0;
  #weighted = 0;
  #weight = 0;

  /** @param total of all units so far. */
  add(atMs: number, total: number): void {
    const last = this.#last;
    const passedMs = atMs - (last?.atMs ?? atMs);
    if (last === undefined || passedMs < 0) {
      // The first look, or a clock that was set back.
      this.#last = { atMs, total: last?.total ?? total };
      return;
    }
    if (passedMs === 0) return;
    const kept = Math.exp(-passedMs / WINDOW_MS);
    const perSecond = (Math.max(0, total - last.total) / passedMs) * 1000;
    this.#weighted = kept * this.#weighted + (1 - kept) * perSecond;
    this.#weight = kept * this.#weight + (1 - kept);
    this.#watchedMs += passedMs;
    this.#last = { atMs, total };
  }

  /** Until the next look there was nothing to do: that time does not count. */
  pause(): void {
    this.#last = undefined;
  }

  /** Undefined in the first second. Divided by the weight, or the first seconds would be dragged down to zero. */
  get perSecond(): number | undefined {
    return this.#watchedMs < LEAST_MS ? undefined : this.#weighted / this.#weight;
  }
}
