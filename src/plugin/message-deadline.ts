/**
 * How long a message waits for its conversation to come back. Either the deadline strikes first: then the turn has
 * gone on without us, and nothing may be committed any more; or the point of no return is passed first: then the
 * row is being written, and the turn waits for that however long it takes. Never both.
 */
export class MessageDeadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #endsAtMs: number;
  #hasPassed = false;
  /** Resolves when the deadline has struck; never, once the point of no return is passed. */
  readonly struck: Promise<void>;
  /** What keeps the conversation from coming back at this moment, for the log; undefined while work goes on. */
  waitsFor: string | undefined;

  constructor(waitMs: number) {
    this.#endsAtMs = performance.now() + waitMs;
    let resolveStruck = () => {};
    this.struck = new Promise((resolve) => {
      resolveStruck = resolve;
    });
    this.#timer = setTimeout(() => {
      if (this.#hasPassed) return;
      this.#controller.abort();
      resolveStruck();
    }, waitMs);
  }

  /** Aborted when the deadline strikes: downloads end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Too late for the point of no return. The clock is looked at too: a busy gateway runs its timers late. */
  get isOver(): boolean {
    return !this.#hasPassed && (this.signal.aborted || performance.now() > this.#endsAtMs);
  }

  /** Called right before the row is changed, in the same synchronous step. False: too late, change nothing. */
  passPointOfNoReturn(): boolean {
    if (this.isOver) return false;
    this.#hasPassed = true;
    return true;
  }

  /** Whatever has not been decided by now no longer matters. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
