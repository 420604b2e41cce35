/** One moment by both clocks of this machine. */
export interface Moment {
  readonly wallMs: number;
  /** Not set by anybody, but on some systems it stands still while the machine sleeps. The same in every thread. */
  readonly monotonicMs: number;
}

export type ReadMoment = () => Moment;

export const systemMoment: ReadMoment = () => ({
  wallMs: Date.now(),
  monotonicMs: Number(process.hrtime.bigint() / 1_000_000n),
});

/**
 * Until when we may commit, whatever the archive says. Over as soon as either clock has passed it. Its buffer can be
 * handed to other threads of the process, which then see every extension.
 */
export class LeaseDeadline {
  readonly buffer: SharedArrayBuffer;
  readonly now: ReadMoment;
  readonly #until: BigInt64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(16), now: ReadMoment = systemMoment) {
    this.buffer = buffer;
    this.now = now;
    this.#until = new BigInt64Array(buffer);
  }

  extend(from: Moment, ttlMs: number): void {
    Atomics.store(this.#until, 0, BigInt(Math.floor(from.wallMs + ttlMs)));
    Atomics.store(this.#until, 1, BigInt(Math.floor(from.monotonicMs + ttlMs)));
  }

  get isOver(): boolean {
    const { wallMs, monotonicMs } = this.now();
    return wallMs >= this.untilMs || monotonicMs >= Number(Atomics.load(this.#until, 1));
  }

  /** By the wall clock. */
  get untilMs(): number {
    return Number(Atomics.load(this.#until, 0));
  }
}
