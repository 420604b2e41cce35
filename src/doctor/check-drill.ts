import { type LastDrill, LocalState } from '../state/local-state.ts';
import { type Finding, ok, problem, warning } from './check.ts';
import { attempt, type Examination } from './examination.ts';

const DAY_MS = 86_400_000;

/** A drill a month, and some days to get round to it. */
const MAX_AGE_DAYS = 35;

/** Whether somebody has lately tried to get something back out of the archive. */
export async function checkDrill({ settings, stateDir, options }: Examination): Promise<readonly Finding[]> {
  if (!settings.ok) return [];
  const { config } = settings.value;
  const state = new LocalState(stateDir);
  const instance = await attempt(async () => config.instance ?? (await state.instance()));
  if (!instance.ok) return [problem(instance.error)];
  if (instance.value === undefined)
    return [ok('nothing was ever archived from here: no restore drill is due')];
  return [judgeDrill(await state.lastDrill(), config.archive, options.clock.nowMs())];
}

/** Pure. @param archive the URL where runs write. */
export function judgeDrill(drill: LastDrill | undefined, archive: string, nowMs: number): Finding {
  if (drill === undefined)
    return warning(
      'no restore drill so far: nobody has tried whether what is archived comes back',
      'clawback drill',
    );
  const { atMs, sampled, archived, faults } = drill;
  const day = new Date(atMs).toISOString().slice(0, 10);
  if (drill.archive !== archive)
    return warning(
      `the last restore drill, on ${day}, was of another archive: ${drill.archive}`,
      'clawback drill',
    );
  if (faults > 0)
    return warning(
      `the restore drill of ${day} FAILED: ${faults} of what it looked at did not come back as archived`,
      'clawback verify --read-data names all that is damaged; when that is mended: clawback drill',
    );
  const ageDays = Math.floor((nowMs - atMs) / DAY_MS);
  if (nowMs - atMs > MAX_AGE_DAYS * DAY_MS)
    return warning(`the last restore drill is ${ageDays} days old (${day})`, 'clawback drill');
  return ok(`last restore drill on ${day}: ${sampled} of ${archived} archived sessions tried, all came back`);
}
