import type { Row } from './rows.ts';
import type { Blocker } from './synthetic-store.ts';

/** Planted in this order, so that a smaller store still has one of each kind first. */
const ORDER: readonly Blocker[] = [
  'running',
  'pendingFinalDelivery',
  'acp',
  'quotaSuspension',
  'abortedLastRun',
  'codex-app-server',
  'task-run',
  'delivery-queue',
  'binding',
  'running',
  'pendingFinalDelivery',
  'acp',
  'running',
];

/** The blockers for `idleRows` old rows: all of them, or as many as leave half of the rows free. */
export function blockersFor(idleRows: number, withTaskRuns: boolean): readonly Blocker[] {
  return ORDER.filter((blocker) => withTaskRuns || blocker !== 'task-run').slice(0, Math.floor(idleRows / 2));
}

/** What the blocker changes in its row; nothing where the evidence lies in a file. */
export function blockerFields(blocker: Blocker, updatedAtMs: number): Row {
  switch (blocker) {
    case 'running':
      // Undefined fields are absent from the JSON: a run that never ended.
      return { status: 'running', endedAt: undefined, runtimeMs: undefined };
    case 'pendingFinalDelivery':
      return {
        pendingFinalDelivery: true,
        pendingFinalDeliveryText: 'The backup finished; three objects were skipped.',
        pendingFinalDeliveryCreatedAt: updatedAtMs,
      };
    case 'acp':
      return {
        acp: {
          backend: 'acpx',
          agent: 'codex',
          runtimeSessionName: 'codex-1',
          mode: 'persistent',
          state: 'idle',
          lastActivityAt: updatedAtMs,
        },
      };
    case 'quotaSuspension':
      return {
        quotaSuspension: {
          schemaVersion: 1,
          suspendedAt: updatedAtMs,
          reason: 'quota_exhausted',
          failedProvider: 'acme',
          failedModel: 'acme-large-2',
          laneId: 'main',
          expectedResumeBy: updatedAtMs + 3_600_000,
          state: 'suspended',
        },
      };
    case 'abortedLastRun':
      return { status: 'failed', abortedLastRun: true };
    default:
      return {};
  }
}
