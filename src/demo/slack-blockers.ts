import { DAY_MS } from './ages.ts';
import { blockersFor } from './blockers.ts';
import {
  canWriteTaskRuns,
  type EvidenceTarget,
  writeBinding,
  writeQueuedDelivery,
  writeTaskRun,
} from './evidence.ts';
import type { Random } from './random.ts';
import type { LivePlan } from './slack-live.ts';
import { type SlackConversation, slackTarget } from './slack-plan.ts';

/** Marks conversations older than a week as blocked, and one more as having a fork's file name. */
export function plantBlockers(conversations: readonly SlackConversation[], random: Random): LivePlan[] {
  const idle = random.shuffle(conversations.filter(isIdle));
  const blockers = blockersFor(idle.length, canWriteTaskRuns());
  const forked = idle[blockers.length];
  return conversations.map((conversation) => {
    const rank = idle.indexOf(conversation);
    const blocker = blockers[rank];
    if (conversation === forked) return { ...conversation, forked: true };
    if (blocker === undefined) return conversation;
    return { ...conversation, blocker, locked: blocker === 'running' && rank === 0 };
  });
}

/** Marks two conversations that share one session id and its files, and one with an unfinished subagent. */
export function plantVariants(plans: readonly LivePlan[]): LivePlan[] {
  const free = plans.filter((plan) => isIdle(plan) && plan.blocker === undefined && !plan.forked);
  const [first, second, parent] = free;
  return plans.map((plan) => {
    if (plan === parent) return { ...plan, blocker: 'subagent-child' };
    if (plan === first) return { ...plan, blocker: 'shared-session' };
    if (plan !== second || first === undefined) return plan;
    const { sessionId, ageMs, startedAtMs, updatedAtMs } = first;
    return { ...plan, sessionId, ageMs, startedAtMs, updatedAtMs, blocker: 'shared-session' };
  });
}

function isIdle(conversation: SlackConversation): boolean {
  return conversation.ageMs > 7 * DAY_MS;
}

/** Writes what lies outside the sessions folder for the conversations whose blocker is not in their row. */
export function writeEvidence(
  stateDir: string,
  agentId: string,
  plans: readonly LivePlan[],
  random: Random,
): void {
  for (const plan of plans) {
    const { sessionKey, updatedAtMs, threadTs } = plan;
    const target: EvidenceTarget = {
      agentId,
      sessionKey,
      updatedAtMs,
      to: slackTarget(plan),
      ...(threadTs === undefined ? {} : { threadId: threadTs }),
    };
    if (plan.blocker === 'task-run') writeTaskRun(stateDir, target, random);
    if (plan.blocker === 'delivery-queue') writeQueuedDelivery(stateDir, target, random);
    if (plan.blocker === 'binding') writeBinding(stateDir, target);
  }
}
