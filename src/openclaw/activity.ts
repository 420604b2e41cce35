import type { ActivityEvidence, ActivityOptions, KeyEvidence } from './activity-evidence.ts';
import { EvidenceCollector } from './activity-evidence.ts';
import { readBindings } from './read-bindings.ts';
import { readDeliveryQueues } from './read-delivery-queues.ts';
import { readCommitments, readCronJobs, readSubagentRuns } from './read-registries.ts';
import { readTasks } from './read-tasks.ts';

/**
 * What OpenClaw's files outside of the session store say about conversations that
 * are in use. Reads only, and creates nothing in the state dir. Whatever is
 * there and cannot be understood is `unreadable`, and keeps everything.
 */
export async function readActivity(
  stateDir: string,
  options: ActivityOptions = {},
): Promise<ActivityEvidence> {
  const evidence = new EvidenceCollector(stateDir);
  await readTasks(evidence);
  await readSubagentRuns(evidence);
  await readDeliveryQueues(evidence);
  await readBindings(evidence);
  await readCronJobs(evidence, options);
  await readCommitments(evidence);
  return evidence.result();
}

/** The same with what a running gateway says of itself, which goes before all that files say. */
export function withGatewayRuns(
  evidence: ActivityEvidence,
  active: ReadonlyMap<string, string>,
): ActivityEvidence {
  const runs = [...active].map(([key, where]): [string, KeyEvidence] => [
    key,
    { reason: 'gateway-run', where },
  ]);
  return { ...evidence, byKey: new Map([...evidence.byKey, ...runs]) };
}
