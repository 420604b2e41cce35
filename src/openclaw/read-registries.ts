import { join } from 'node:path';
import type { ActivityOptions, EvidenceCollector } from './activity-evidence.ts';
import { isRecord, type JsonRecord } from './read-json5.ts';

/** Subagents whose run has not been brought to its end, and who waits for them. */
export async function readSubagentRuns(evidence: EvidenceCollector): Promise<void> {
  const path = join(evidence.stateDir, 'subagents', 'runs.json');
  const content = await evidence.readJson(path);
  if (content === undefined) return;
  if (!isRecord(content) || !isRecord(content.runs) || (content.version !== 1 && content.version !== 2)) {
    evidence.addUnreadable(path, 'is not a registry of version 1 or 2');
    return;
  }
  for (const run of Object.values(content.runs).filter(isRecord)) {
    // Version 1 has only the second of these.
    if (typeof run.cleanupCompletedAt === 'number') continue;
    if (content.version === 1 && typeof run.announceCompletedAt === 'number') continue;
    for (const key of [run.childSessionKey, run.requesterSessionKey, run.controllerSessionKey]) {
      evidence.addKey(key, 'subagent-unfinished', path);
    }
  }
}

/** The conversations that scheduled jobs wake or write to. A job that is switched off can be switched on again. */
export async function readCronJobs(evidence: EvidenceCollector, options: ActivityOptions): Promise<void> {
  const path = options.cronStore ?? join(evidence.stateDir, 'cron', 'jobs.json');
  const content = await evidence.readJson(path, 'json5');
  if (content === undefined) return;
  const jobs = isRecord(content) ? content.jobs : content;
  if (!Array.isArray(jobs)) {
    evidence.addUnreadable(path, 'is not a list of jobs');
    return;
  }
  for (const job of jobs.filter(isRecord)) {
    for (const key of targetsOf(job)) evidence.addKey(toStoreKey(key, job, options), 'cron-target', path);
    if (!isRecord(job.delivery) || job.delivery.mode === 'none' || job.delivery.mode === 'webhook') continue;
    evidence.addAddress(job.delivery, 'cron-target', path);
  }
}

function targetsOf(job: JsonRecord): string[] {
  const target = typeof job.sessionTarget === 'string' ? job.sessionTarget.trim() : '';
  const named = /^session:(.+)$/i.exec(target)?.[1];
  const candidates = [named, job.sessionKey, target.toLowerCase() === 'main' ? 'main' : undefined];
  return candidates.filter((key): key is string => typeof key === 'string' && key.trim() !== '');
}

/** Jobs may leave out the agent, and call its main conversation `main` whatever its key. */
function toStoreKey(key: string, job: JsonRecord, options: ActivityOptions): string {
  const trimmed = key.trim();
  if (/^agent:/i.test(trimmed)) return trimmed;
  const named = typeof job.agentId === 'string' ? job.agentId.trim().toLowerCase() : '';
  const agentId = named || (options.defaultAgentId ?? 'main');
  return `agent:${agentId}:${trimmed.toLowerCase() === 'main' ? (options.mainKey ?? 'main') : trimmed}`;
}

/** Promises that an agent made and has not kept yet. */
export async function readCommitments(evidence: EvidenceCollector): Promise<void> {
  const path = join(evidence.stateDir, 'commitments', 'commitments.json');
  const content = await evidence.readJson(path);
  if (content === undefined) return;
  if (!isRecord(content) || content.version !== 1 || !Array.isArray(content.commitments)) {
    evidence.addUnreadable(path, 'is not a list of commitments of version 1');
    return;
  }
  for (const commitment of content.commitments.filter(isRecord)) {
    if (commitment.status !== 'pending' && commitment.status !== 'snoozed') continue;
    evidence.addKey(commitment.sessionKey, 'commitment', path);
  }
}
