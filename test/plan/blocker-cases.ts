import type { KeyEvidence } from '../../src/openclaw/activity-evidence.ts';
import type { KeepReason } from '../../src/plan/reasons.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import {
  DAY_MS,
  fileOf,
  MINUTE_MS,
  NOW_MS,
  type PlanParts,
  rowOf,
  SESSIONS_DIR,
  uuid,
} from '../support/snapshot.ts';

/** A thread that everything but the blocker speaks for archiving. */
export const THREAD = 'agent:main:slack:channel:c1:thread:1700000000.000100';
export const THREAD_ID = uuid(1);
const TRANSCRIPT = `${THREAD_ID}-topic-1700000000.000100.jsonl`;

/** The same without a blocker: every golden shows that it is selected. */
const CONTROL = rowOf('agent:main:slack:channel:c1:thread:1700000000.000200', 30 * DAY_MS, {
  sessionId: uuid(2),
});

const base: PlanParts = { policy: { protectedPruneAfterMs: 7 * DAY_MS } };

function thread(fields: Row = {}): PlanParts {
  const row = { sessionId: THREAD_ID, sessionFile: TRANSCRIPT, ...fields };
  return {
    ...base,
    rows: [rowOf(THREAD, 30 * DAY_MS, row), CONTROL],
    files: [fileOf(TRANSCRIPT, 30 * DAY_MS), fileOf(`${uuid(2)}.jsonl`, 30 * DAY_MS)],
  };
}

function withFile(name: string, changes = {}): PlanParts {
  const parts = thread();
  const files = (parts.files ?? []).filter((file) => file.name !== name);
  return { ...parts, files: [...files, fileOf(name, 30 * DAY_MS, changes)] };
}

function withEvidence(reason: KeyEvidence['reason'], where: string): PlanParts {
  return { ...thread(), activity: { byKey: new Map([[THREAD, { reason, where }]]) } };
}

/** One per reason to keep a row that is in use or not ours to take: the first row must be kept for it. */
export const BLOCKER_CASES: readonly (readonly [KeepReason, PlanParts])[] = [
  ['running', thread({ status: 'running' })],
  ['run-unfinished', thread({ status: 'done', startedAt: NOW_MS - 30 * DAY_MS })],
  ['pending-delivery', thread({ pendingFinalDeliveryText: 'an answer' })],
  ['quota-suspended', thread({ quotaSuspension: { state: 'suspended' } })],
  ['acp', thread({ acp: { state: 'idle' } })],
  ['aborted-run', thread({ abortedLastRun: true })],
  ['model-switch-pending', thread({ liveModelSwitchPending: true })],
  ['subagent-recovery', thread({ subagentRecovery: { attempts: 1 } })],
  ['queued-injection', thread({ pluginNextTurnInjections: [{ text: 'x' }] })],
  ['restart-recovery', thread({ restartRecoveryRuns: [{ runId: 'r' }] })],
  ['pinned', thread({ pinnedAt: NOW_MS - 40 * DAY_MS })],
  ['archived-in-openclaw', thread({ archivedAt: NOW_MS - 40 * DAY_MS })],
  ['goal', thread({ goal: { text: 'ship it' } })],
  ['model-locked', thread({ modelSelectionLocked: true })],
  ['cli-session', thread({ cliSessionBindings: { codex: { id: 't' } } })],
  ['transcript-elsewhere', thread({ sessionFile: '/elsewhere/other.jsonl' })],
  ['locked', withFile(`${TRANSCRIPT}.lock`)],
  ['codex-bound', withFile(`${TRANSCRIPT}.codex-app-server.json`)],
  ['not-plain-file', withFile(TRANSCRIPT, { isPlain: false })],
  ['running-task', withEvidence('running-task', 'tasks/runs.sqlite')],
  ['subagent-unfinished', withEvidence('subagent-unfinished', 'subagents/runs.json')],
  ['delivery-queued', withEvidence('delivery-queued', 'delivery-queue/1.json')],
  ['bound', withEvidence('bound', 'bindings/current-conversations.json')],
  ['cron-target', withEvidence('cron-target', 'cron/jobs.json')],
  ['commitment', withEvidence('commitment', 'commitments/commitments.json')],
  ['gateway-run', withEvidence('gateway-run', 'a running turn')],
  [
    'active-child',
    {
      ...thread(),
      rows: [
        ...(thread().rows ?? []),
        rowOf(`agent:main:subagent:${uuid(3)}`, 5 * MINUTE_MS, { sessionId: uuid(3), spawnedBy: THREAD }),
      ],
    },
  ],
  [
    'shared-session',
    {
      ...thread(),
      rows: [
        ...(thread().rows ?? []),
        rowOf('agent:main:slack:direct:u1', 30 * DAY_MS, { sessionId: THREAD_ID }),
      ],
    },
  ],
  ['session-id-unsafe', { ...thread({ sessionId: '../../etc/passwd', sessionFile: undefined }) }],
  ['undated', { ...thread({ updatedAt: undefined }) }],
  ['future-dated', { ...thread({ updatedAt: NOW_MS + 6 * MINUTE_MS }) }],
  ['recent', { ...thread({ updatedAt: NOW_MS - 59 * MINUTE_MS }) }],
  ['too-young', { ...thread({ updatedAt: NOW_MS - 6 * DAY_MS }) }],
  [
    'tombstone',
    thread({
      updatedAt: 0,
      clawback: { v: 1, archiveId: '20261101t040000z-00000001-0001.0', sessionId: THREAD_ID },
    }),
  ],
  ['other-agent', { ...thread(), policy: { ...base.policy, agentIds: ['research'] } }],
  [
    'evidence-unreadable',
    { ...thread(), activity: { unreadable: [{ where: 'tasks/runs.sqlite', why: 'is not a database' }] } },
  ],
  ['protected-off', { ...thread(), policy: {} }],
  ['no-policy', { rows: [rowOf('agent:main:main', 400 * DAY_MS, { sessionId: uuid(4) })] }],
];

/** The ones that speak of what may never be touched, whatever the policy says. Used by the property test. */
export const BLOCKING_FIELDS: readonly Row[] = [
  { status: 'running' },
  { startedAt: NOW_MS - 90 * DAY_MS },
  { pendingFinalDelivery: true },
  { quotaSuspension: {} },
  { acp: {} },
  { abortedLastRun: true },
  { liveModelSwitchPending: true },
  { subagentRecovery: {} },
  { pluginNextTurnInjections: ['x'] },
  { restartRecoveryRuns: ['x'] },
  { pinnedAt: 1 },
  { archivedAt: 1 },
  { goal: 'x' },
  { modelSelectionLocked: true },
  { claudeCliSessionId: 'x' },
  { sessionFile: `${SESSIONS_DIR}/../other.jsonl` },
  { sessionId: 'no/name' },
];
