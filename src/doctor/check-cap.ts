import { capsWarning, capWarning } from '../status/cap-warning.ts';
import { readCaps } from '../status/store-caps.ts';
import { type Finding, ok, warning } from './check.ts';
import { attempt, type Examination } from './examination.ts';

/** Whether protected rows leave room under OpenClaw's cap. */
export async function checkCap({ installation }: Examination): Promise<readonly Finding[]> {
  if (!installation.ok) return [];
  // Where there is no store to work on, the check of the stores says so.
  const caps = await attempt(() => readCaps(installation.value));
  if (!caps.ok) return [];
  const crowded = capsWarning(caps.value);
  const roomy = caps.value.filter(({ cap }) => capWarning(cap) === undefined);
  return [
    ...(crowded === undefined ? [] : [warning([crowded.text, ...crowded.stores].join('\n'), crowded.advice)]),
    ...roomy.map(({ storeId, cap: { protectedRows, maxEntries } }) =>
      ok(
        `store ${storeId}: ${protectedRows} protected rows of ${maxEntries} (session.maintenance.maxEntries)`,
      ),
    ),
  ];
}
