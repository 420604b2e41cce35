import { capWarning } from '../status/cap-warning.ts';
import { readCaps } from '../status/store-caps.ts';
import { type Finding, ok, warning } from './check.ts';
import { attempt, type Examination } from './examination.ts';

/** Whether protected rows leave room under OpenClaw's cap. */
export async function checkCap({ installation }: Examination): Promise<readonly Finding[]> {
  if (!installation.ok) return [];
  // Where there is no store to work on, the check of the stores says so.
  const caps = await attempt(() => readCaps(installation.value));
  if (!caps.ok) return [];
  return caps.value.map(({ storeId, cap }) => {
    const full = capWarning(cap);
    if (full !== undefined) return warning(`store ${storeId}: ${full.text}`, full.advice);
    const { protectedRows, maxEntries } = cap;
    return ok(
      `store ${storeId}: ${protectedRows} protected rows of ${maxEntries} (session.maintenance.maxEntries)`,
    );
  });
}
