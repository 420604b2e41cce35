import { readActivity } from '../openclaw/activity.ts';
import { evidenceWarnings } from '../status/evidence-warning.ts';
import { type Finding, ok, warning } from './check.ts';
import type { Examination } from './examination.ts';

/** Whether everything can be read that tells which conversations are in use. */
export async function checkEvidence({ openclaw, stateDir }: Examination): Promise<readonly Finding[]> {
  if (!openclaw.ok) return [];
  const { unreadable } = await readActivity(stateDir, openclaw.value);
  if (unreadable.length === 0)
    return [ok('what is in use can be read: tasks, deliveries, bindings, cron jobs')];
  return evidenceWarnings(unreadable).map(({ source, advice }) =>
    warning(`${source}; while this cannot be read a run keeps every row`, advice),
  );
}
