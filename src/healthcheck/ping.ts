import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf } from '../errors.ts';

/** `log` is noted by the check and changes nothing about it. */
export type Signal = 'start' | 'success' | 'fail' | 'log';

export interface Ping {
  readonly url: string;
  readonly signal: Signal;
  /** The same for the start and the end of one run, a UUID. */
  readonly runId: string;
  readonly body: string;
}

/** Before the second and the third try. */
const PAUSES_MS = [500, 1500] as const;

/**
 * Tells a check at Healthchecks.io, or whatever speaks like it. Tried again while that may help and `deadline` has not
 * fired. Never throws. Returns why it was not told, in words that hold nothing of the URL, or undefined.
 */
export async function ping(
  what: Ping,
  deadline: AbortSignal,
  pausesMs: readonly number[] = PAUSES_MS,
): Promise<string | undefined> {
  let fault = await tryOnce(what, deadline);
  for (const pauseMs of pausesMs) {
    if (fault === undefined || !fault.isPassing) break;
    await pause(pauseMs, deadline);
    if (deadline.aborted) break;
    fault = await tryOnce(what, deadline);
  }
  return fault?.why;
}

/** `<url>/start`, with the query of the URL and the id of the run. */
export function pingUrl({ url, signal, runId }: Omit<Ping, 'body'>): URL {
  const target = new URL(url);
  if (signal !== 'success') target.pathname = `${target.pathname.replace(/\/+$/, '')}/${signal}`;
  target.searchParams.set('rid', runId);
  return target;
}

interface Fault {
  readonly why: string;
  /** Whether the same may work in a moment. */
  readonly isPassing: boolean;
}

async function tryOnce(what: Ping, deadline: AbortSignal): Promise<Fault | undefined> {
  try {
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    const answer = await fetch(pingUrl(what), { method: 'POST', headers, body: what.body, signal: deadline });
    // Not read: it may be anything.
    await answer.body?.cancel();
    if (answer.ok) return undefined;
    return {
      why: `answered ${answer.status}`,
      isPassing: answer.status >= 500 || answer.status === 429,
    };
  } catch (error) {
    if (deadline.aborted) return { why: 'no answer in time', isPassing: false };
    const why = reasonOf(error);
    return { why, isPassing: why !== CIRCLE };
  }
}

const CIRCLE = 'redirects in a circle';

/** The code alone: messages name the host. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  if (cause instanceof Error && cause.message === 'redirect count exceeded') return CIRCLE;
  return errnoOf(cause) ?? 'the connection failed';
}

async function pause(ms: number, deadline: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal: deadline });
  } catch (error) {
    if (!deadline.aborted) throw error;
  }
}
