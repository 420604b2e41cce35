import { readActivity } from '../openclaw/activity.ts';
import { NEEDS_SQLITE } from '../openclaw/read-tasks.ts';
import { type Finding, ok, warning } from './check.ts';
import type { Examination } from './examination.ts';

/** Whether everything can be read that tells which conversations are in use. */
export async function checkEvidence({ openclaw, stateDir }: Examination): Promise<readonly Finding[]> {
  if (!openclaw.ok) return [];
  const { unreadable } = await readActivity(stateDir, openclaw.value);
  if (unreadable.length === 0)
    return [ok('what is in use can be read: tasks, deliveries, bindings, cron jobs')];
  return unreadable.map(({ where, why }) =>
    warning(
      `${where}: ${why}; while this cannot be read a run keeps every row`,
      why === NEEDS_SQLITE
        ? 'run clawback on the Node that OpenClaw runs on'
        : 'run clawback as the user that runs OpenClaw; if the file is damaged, openclaw doctor may mend it',
    ),
  );
}
