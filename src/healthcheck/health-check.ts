import { randomUUID } from 'node:crypto';
import { ping, type Signal } from './ping.ts';

/** How long a run may be kept from ending by its health check. */
const DEADLINE_MS = 10_000;

/** What Healthchecks.io keeps of a body by default is 10 KB. */
const MAX_BODY_BYTES = 10_000;

export interface HealthCheckOptions {
  readonly url: string;
  /** Told of a ping that did not get through. Nothing of the URL is in it. */
  readonly onFault: (what: string) => void;
  /** @default 10 s */
  readonly deadlineMs?: number | undefined;
  /** Before each further try. @default 0.5 s and 1.5 s */
  readonly pausesMs?: readonly number[] | undefined;
}

/** The two pings of one run. What goes wrong with them is told, and stops nothing. */
export class HealthCheck {
  readonly #options: HealthCheckOptions;
  readonly #runId = randomUUID();
  readonly #started: Promise<void>;

  /** Sends the first one at once: the run does not wait for it. */
  constructor(options: HealthCheckOptions) {
    this.#options = options;
    this.#started = this.#send('start', '', AbortSignal.timeout(this.#deadlineMs));
  }

  /** Sends the second one, behind the first. Ends within the deadline. */
  async end(exitCode: number, body: string): Promise<void> {
    const deadline = AbortSignal.timeout(this.#deadlineMs);
    await Promise.race([this.#started, firing(deadline)]);
    await this.#send(signalOf(exitCode), tailOf(body), deadline);
  }

  get #deadlineMs(): number {
    return this.#options.deadlineMs ?? DEADLINE_MS;
  }

  async #send(signal: Signal, body: string, deadline: AbortSignal): Promise<void> {
    const { url, onFault, pausesMs } = this.#options;
    const why = await ping({ url, signal, runId: this.#runId, body }, deadline, pausesMs);
    if (why !== undefined) onFault(`ping the health check (${signal}): ${why}`);
  }
}

/**
 * Some sessions that failed are a failure: somebody has to look. A run that was stopped is neither: its start stands, and
 * the check goes down by itself unless the next run succeeds within its grace.
 */
export function signalOf(exitCode: number): Signal {
  if (exitCode === 0) return 'success';
  return exitCode === 130 ? 'log' : 'fail';
}

/** The end of a text, in whole lines: what went wrong comes last. */
export function tailOf(text: string, maxBytes = MAX_BODY_BYTES): string {
  let tail = '';
  let bytes = 0;
  for (const line of text.split('\n').reverse()) {
    bytes += Buffer.byteLength(line) + 1;
    if (bytes > maxBytes) break;
    tail = tail === '' ? line : `${line}\n${tail}`;
  }
  return tail;
}

function firing(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
