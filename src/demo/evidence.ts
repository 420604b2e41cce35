import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { errnoOf } from '../errors.ts';
import type { Random } from './random.ts';

/** A conversation that something outside the sessions folder still points at. */
export interface EvidenceTarget {
  readonly agentId: string;
  readonly sessionKey: string;
  readonly to: string;
  readonly threadId?: string;
  readonly updatedAtMs: number;
}

/** Whether this runtime can write `tasks/runs.sqlite`: Node 22.13 and later. */
export function canWriteTaskRuns(): boolean {
  return process.getBuiltinModule('node:sqlite') !== undefined;
}

/** A run that the task registry counts as running, in a table of OpenClaw's own layout. */
export function writeTaskRun(stateDir: string, target: EvidenceTarget, random: Random): void {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const dir = path.join(stateDir, 'tasks');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(path.join(dir, 'runs.sqlite'));
  try {
    database.exec(TASK_RUNS);
    const runId = random.uuid();
    database
      .prepare(
        `INSERT INTO task_runs (task_id, runtime, source_id, requester_session_key, owner_key, scope_kind,
           child_session_key, agent_id, run_id, task, status, delivery_status, notify_policy, created_at,
           started_at, last_event_at)
         VALUES (?, 'cli', ?, ?, ?, 'session', ?, ?, ?, 'nightly report', 'running', 'pending', 'silent', ?, ?, ?)`,
      )
      .run(
        random.uuid(),
        runId,
        target.sessionKey,
        target.sessionKey,
        target.sessionKey,
        target.agentId,
        runId,
        target.updatedAtMs,
        target.updatedAtMs,
        target.updatedAtMs,
      );
  } finally {
    database.close();
  }
}

const TASK_RUNS = `CREATE TABLE IF NOT EXISTS task_runs (
  task_id TEXT PRIMARY KEY, runtime TEXT NOT NULL, task_kind TEXT, source_id TEXT, requester_session_key TEXT,
  owner_key TEXT NOT NULL, scope_kind TEXT NOT NULL, child_session_key TEXT, parent_flow_id TEXT,
  parent_task_id TEXT, agent_id TEXT, run_id TEXT, label TEXT, task TEXT NOT NULL, status TEXT NOT NULL,
  delivery_status TEXT NOT NULL, notify_policy TEXT NOT NULL, created_at INTEGER NOT NULL, started_at INTEGER,
  ended_at INTEGER, last_event_at INTEGER, cleanup_after INTEGER, error TEXT, progress_summary TEXT,
  terminal_summary TEXT, terminal_outcome TEXT)`;

/** A reply that was queued and has not been sent. */
export function writeQueuedDelivery(stateDir: string, target: EvidenceTarget, random: Random): void {
  const id = random.uuid();
  writeJson(path.join(stateDir, 'delivery-queue', `${id}.json`), {
    id,
    enqueuedAt: target.updatedAtMs,
    channel: 'slack',
    to: target.to,
    accountId: 'default',
    payloads: [{ text: 'The backup finished; three objects were skipped.' }],
    ...(target.threadId === undefined ? {} : { threadId: target.threadId }),
    mirror: { sessionKey: target.sessionKey, agentId: target.agentId },
    session: { key: target.sessionKey, agentId: target.agentId },
    retryCount: 0,
  });
}

/** A conversation that is bound to the session. Bindings that are there already stay. */
export function writeBinding(stateDir: string, target: EvidenceTarget): void {
  const file = path.join(stateDir, 'bindings', 'current-conversations.json');
  const conversation = { channel: 'slack', accountId: 'default', conversationId: target.to };
  const binding = {
    bindingId: `generic:slack␟default␟␟${target.to}`,
    targetSessionKey: target.sessionKey,
    targetKind: 'session',
    conversation,
    status: 'active',
    boundAt: target.updatedAtMs,
    metadata: { lastActivityAt: target.updatedAtMs },
  };
  writeJson(file, { version: 1, bindings: [...readBindings(file), binding] });
}

function readBindings(file: string): readonly unknown[] {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { bindings: unknown[] }).bindings;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function writeJson(file: string, value: unknown): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
}
