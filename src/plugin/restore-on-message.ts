import { setTimeout as delay } from 'node:timers/promises';
import { describe } from '../errors.ts';
import { oneLine } from '../restore/terminal-text.ts';
import { parseSessionKey } from '../sessions/session-key.ts';
import { archivedRow } from './archived-row.ts';
import { MessageDeadline } from './message-deadline.ts';
import type { MessagedConversation, MessageRestore, MessageRestorer } from './message-restore.ts';
import type { OpenClawApi } from './openclaw-api.ts';
import { replySessionId } from './reply-runs.ts';

/**
 * An attempt that failed is not repeated while its turn may still be starting on the tombstone: a restore then would
 * change the session under it. Once the turn has begun, the row is no tombstone any more.
 */
const GIVEN_UP_MS = 5 * 60_000;

/**
 * 2026.7 refuses a message that came while the row had the tombstone's session id, once it has another: unless the
 * reply before it has taken the new id over by then. A message that comes with or right after the one that restored
 * waits for that, a few milliseconds mostly.
 */
const TAKE_OVER_MS = 10_000;
const LOOK_EVERY_MS = 10;

/**
 * `restore.onMessage`: a message to an archived conversation brings it back before the agent answers. The gateway
 * awaits the hook before it loads the session, for channels and `chat.send`; the `agent` method, the command line and
 * cron do not come by here. Whatever happens, the turn goes on.
 */
export function restoreOnMessage(api: OpenClawApi): void {
  const hook = new MessageHook(api);
  api.on('before_dispatch', (event) => hook.receive(event.sessionKey));
}

class MessageHook {
  readonly #api: OpenClawApi;
  readonly #running = new Map<string, Promise<void>>();
  readonly #givenUp = new Map<string, { readonly untilMs: number }>();
  readonly #takenOver = new Map<string, { readonly from: string | undefined; readonly untilMs: number }>();
  #restorer: Promise<MessageRestorer> | undefined;

  constructor(api: OpenClawApi) {
    this.#api = api;
  }

  async receive(sessionKey: string | undefined): Promise<void> {
    try {
      const conversation = this.#lookUp(sessionKey);
      if (conversation !== undefined && (await this.#once(conversation)) === 'first') return;
      if (sessionKey !== undefined) await this.#takeOver(sessionKey);
    } catch (error) {
      this.#warn(sessionKey ?? '', describe(error));
    }
  }

  /** What an ordinary message costs: one row of the gateway's cache. */
  #lookUp(sessionKey: string | undefined): MessagedConversation | undefined {
    const agentId = parseSessionKey(sessionKey ?? '')?.agentId;
    if (sessionKey === undefined || agentId === undefined) return undefined;
    const { session } = this.#api.runtime.agent;
    const archived = archivedRow(session.getSessionEntry({ agentId, sessionKey }));
    if (archived === undefined) return undefined;
    const template = this.#api.runtime.config.current().session?.store;
    return { sessionKey, archived, storePath: session.resolveStorePath(template, { agentId }) };
  }

  /** Two messages at once restore once; the second waits as the first does. */
  async #once(conversation: MessagedConversation): Promise<'first' | 'other'> {
    const { sessionKey } = conversation;
    const running = this.#running.get(sessionKey);
    if (running !== undefined) {
      await running;
      return 'other';
    }
    if ((this.#givenUp.get(sessionKey)?.untilMs ?? 0) > Date.now()) return 'other';
    const restoring = this.#restore(conversation).finally(() => this.#running.delete(sessionKey));
    this.#running.set(sessionKey, restoring);
    await restoring;
    return 'first';
  }

  async #takeOver(sessionKey: string): Promise<void> {
    const restored = this.#takenOver.get(sessionKey);
    if (restored?.from === undefined) return;
    while (Date.now() < restored.untilMs && replySessionId(sessionKey) === restored.from)
      await delay(LOOK_EVERY_MS);
  }

  async #restore(conversation: MessagedConversation): Promise<void> {
    const startedMs = performance.now();
    const restorer = await this.#loaded();
    const installation = await restorer.installation(this.#api.runtime.state.resolveStateDir(process.env));
    const { onMessageMs, deadlineMs } = installation.config.restore;
    if (onMessageMs === undefined) return;
    const deadline = new MessageDeadline(deadlineMs - (performance.now() - startedMs));
    const restoring = restorer.restore(installation, conversation, onMessageMs, deadline).then(
      (done) => this.#tell(conversation, done, performance.now() - startedMs),
      (error: unknown) => {
        if (!deadline.isOver) this.#giveUp(conversation, describe(error));
      },
    );
    await Promise.race([restoring, deadline.struck]);
    if (deadline.isOver) {
      const why = deadline.waitsFor === undefined ? '' : `: ${deadline.waitsFor}`;
      this.#giveUp(conversation, `it was not back after ${deadlineMs} ms (restore.deadline)${why}`);
    }
    deadline.end();
  }

  /** Loaded once; what failed, as with too many open files, is tried again for the next message. */
  #loaded(): Promise<MessageRestorer> {
    if (this.#restorer === undefined) {
      this.#restorer = this.#load();
      this.#restorer.catch(() => {
        this.#restorer = undefined;
      });
    }
    return this.#restorer;
  }

  /** AWS SDK, zstd and zod come with it, so it waits for the first message that needs it. */
  async #load(): Promise<MessageRestorer> {
    const { MessageRestorer } = await import('./message-restore.ts');
    return new MessageRestorer(this.#api.runtime.agent.session);
  }

  #tell({ sessionKey, archived }: MessagedConversation, done: MessageRestore, tookMs: number): void {
    if (done.kind === 'absent') return;
    if (done.kind === 'restored') {
      this.#takenOver.set(sessionKey, { from: archived.sessionId, untilMs: Date.now() + TAKE_OVER_MS });
      forgetOld(this.#takenOver);
    }
    const what = `${oneLine(sessionKey, 200)} (${done.archiveId})`;
    this.#api.logger.info(`clawback: ${describeDone(done, what, tookMs)}`);
  }

  #giveUp({ sessionKey }: MessagedConversation, why: string): void {
    this.#givenUp.set(sessionKey, { untilMs: Date.now() + GIVEN_UP_MS });
    forgetOld(this.#givenUp);
    this.#warn(sessionKey, why);
  }

  #warn(sessionKey: string, why: string): void {
    this.#api.logger.warn(
      `clawback: ${oneLine(sessionKey, 200)} is answered without its archived messages: ${oneLine(why, 500)}`,
    );
  }
}

function describeDone(
  done: Exclude<MessageRestore, { readonly kind: 'absent' }>,
  what: string,
  tookMs: number,
): string {
  if (done.kind === 'restored')
    return `brought back ${what} for a message: ${done.files} files in ${Math.round(tookMs)} ms`;
  if (done.kind === 'forgotten') return `left ${what} where it is: it is forgotten (clawback unforget)`;
  const days = Math.floor(done.idleMs / 86_400_000);
  return `left ${what} in the archive: its last activity was ${days} days ago, longer than restore.onMessage`;
}

function forgetOld(map: Map<string, { readonly untilMs: number }>): void {
  for (const [key, { untilMs }] of map) if (untilMs <= Date.now()) map.delete(key);
}
