import { ClawbackError } from '../errors.ts';
import { isRecord } from '../openclaw/read-json5.ts';
import type { Row, RowChange, RowOutcome } from '../sessions/session-store.ts';

/** Version of these messages. Both sides refuse another one: they are one package, installed twice. */
const VERSION = 1;

/** The gateway takes one frame of 25 MiB; a batch stays far below, and so does the time it holds the queue. */
export const MAX_CHANGES = 2_000;

export interface CommitRequest {
  readonly version: typeof VERSION;
  /** An agent id, or `shared`: never a path. */
  readonly storeId: string;
  readonly changes: readonly RowChange[];
}

export interface ChangeOutcome {
  readonly sessionKey: string;
  readonly outcome: RowOutcome;
  /** Why it is `rejected`, or what the session is active in. Never conversation text. */
  readonly reason?: string;
}

export interface CommitReply {
  readonly version: typeof VERSION;
  /** One a change, in their order. */
  readonly outcomes: readonly ChangeOutcome[];
}

export interface ActiveRequest {
  readonly version: typeof VERSION;
  readonly storeId: string;
}

export interface ActiveSession {
  readonly sessionKey: string;
  /** What knows of the run, for people. */
  readonly source: string;
}

export interface ActiveReply {
  readonly version: typeof VERSION;
  readonly active: readonly ActiveSession[];
}

export function commitRequest(storeId: string, changes: readonly RowChange[]): CommitRequest {
  return { version: VERSION, storeId, changes };
}

export function commitReply(outcomes: readonly ChangeOutcome[]): CommitReply {
  return { version: VERSION, outcomes };
}

export function activeRequest(storeId: string): ActiveRequest {
  return { version: VERSION, storeId };
}

export function activeReply(active: readonly ActiveSession[]): ActiveReply {
  return { version: VERSION, active };
}

/** @throws {ClawbackError} `gateway-protocol` for anything but a request of this very shape. */
export function parseCommitRequest(value: unknown): CommitRequest {
  const { storeId, changes } = message(value, 'commit request', ['version', 'storeId', 'changes']);
  if (!isStoreId(storeId)) throw invalid('commit request', 'storeId');
  if (!Array.isArray(changes) || changes.length > MAX_CHANGES) throw invalid('commit request', 'changes');
  const parsed = changes.map(parseChange);
  if (new Set(parsed.map(({ sessionKey }) => sessionKey)).size !== parsed.length) {
    throw invalid('commit request', 'the same session key twice');
  }
  return commitRequest(storeId, parsed);
}

function parseChange(value: unknown): RowChange {
  const fields = ['sessionKey', 'archiveId', 'expectSha256', 'replaceWith'];
  if (!isRecord(value) || !hasOnly(value, fields)) throw invalid('commit request', 'a change');
  const { sessionKey, archiveId, expectSha256, replaceWith } = value;
  if (typeof sessionKey !== 'string') throw invalid('commit request', 'sessionKey');
  if (typeof archiveId !== 'string' || archiveId.length > 80) throw invalid('commit request', 'archiveId');
  if (expectSha256 !== null && !isSha256(expectSha256)) throw invalid('commit request', 'expectSha256');
  if (replaceWith !== null && !isRecord(replaceWith)) throw invalid('commit request', 'replaceWith');
  return { sessionKey, archiveId, expectSha256, replaceWith: replaceWith as Row | null };
}

const OUTCOMES: ReadonlySet<unknown> = new Set<RowOutcome>([
  'committed',
  'changed',
  'gone',
  'active',
  'rejected',
]);

/** @throws {ClawbackError} `gateway-protocol` if it does not answer exactly these changes. */
export function parseCommitReply(value: unknown, changes: readonly RowChange[]): readonly ChangeOutcome[] {
  const { outcomes } = message(value, 'commit reply', ['version', 'outcomes']);
  if (!Array.isArray(outcomes) || outcomes.length !== changes.length)
    throw invalid('commit reply', 'outcomes');
  return outcomes.map((one: unknown, index) => {
    if (!isRecord(one) || !OUTCOMES.has(one.outcome)) throw invalid('commit reply', 'outcome');
    if (one.sessionKey !== changes[index]?.sessionKey) throw invalid('commit reply', 'sessionKey');
    const reason = typeof one.reason === 'string' ? { reason: one.reason } : {};
    return { sessionKey: one.sessionKey as string, outcome: one.outcome as RowOutcome, ...reason };
  });
}

/** @throws {ClawbackError} `gateway-protocol`. */
export function parseActiveRequest(value: unknown): ActiveRequest {
  const { storeId } = message(value, 'active request', ['version', 'storeId']);
  if (!isStoreId(storeId)) throw invalid('active request', 'storeId');
  return activeRequest(storeId);
}

/** @throws {ClawbackError} `gateway-protocol`. */
export function parseActiveReply(value: unknown): readonly ActiveSession[] {
  const { active } = message(value, 'active reply', ['version', 'active']);
  if (!Array.isArray(active)) throw invalid('active reply', 'active');
  return active.map((one: unknown) => {
    if (!isRecord(one) || typeof one.sessionKey !== 'string' || typeof one.source !== 'string') {
      throw invalid('active reply', 'a session');
    }
    return { sessionKey: one.sessionKey, source: one.source };
  });
}

function message(value: unknown, what: string, fields: readonly string[]): Record<string, unknown> {
  if (!isRecord(value) || !hasOnly(value, fields)) throw invalid(what, 'its fields');
  if (value.version !== VERSION) throw invalid(what, `version ${String(value.version).slice(0, 20)}`);
  return value;
}

function hasOnly(value: Readonly<Record<string, unknown>>, fields: readonly string[]): boolean {
  return Object.keys(value).every((field) => fields.includes(field));
}

function isStoreId(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z0-9][a-z0-9_-]{0,63}$/.test(value);
}

function isSha256(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function invalid(what: string, part: string): ClawbackError {
  return new ClawbackError('gateway-protocol', `read ${what}: ${part} is not as agreed`, {
    hint: 'install the same clawback in both places: openclaw plugins install "$(npm root -g)/clawback" --force, then restart the gateway',
  });
}
