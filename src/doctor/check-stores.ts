import { toErrorData } from '../errors.ts';
import { type Installation, workableStores } from '../installation.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import { FileSessionStore } from '../sessions/file-session-store.ts';
import { type Finding, ok, problem, warning } from './check.ts';
import { attempt, type Examination } from './examination.ts';

/** Every store that was found, of what kind it is, and whether it can be read. */
export async function checkStores({
  installation,
  openclaw,
  settings,
}: Examination): Promise<readonly Finding[]> {
  // Of settings and OpenClaw's config other checks have spoken; what is left are the stores themselves.
  if (!installation.ok) return settings.ok && openclaw.ok ? [problem(installation.error)] : [];
  const findings: Finding[] = [];
  for (const store of installation.value.stores) findings.push(await describeStore(store));
  return [...findings, ...noneToWorkOn(installation.value)];
}

async function describeStore(store: StoreLocation): Promise<Finding> {
  const { id, storePath, state, detail } = store;
  switch (state) {
    case 'file': {
      const read = await attempt(() => new FileSessionStore(storePath).read());
      if (!read.ok) return problem(read.error);
      const { rows, malformedRows } = read.value;
      const odd = malformedRows === 0 ? '' : `, ${malformedRows} entries that are no rows and stay`;
      return ok(`agent ${id}: ${storePath}, ${rows.length} ${rows.length === 1 ? 'row' : 'rows'}${odd}`);
    }
    case 'migrated':
      return warning(
        `agent ${id}: its sessions have moved to SQLite (${detail}); skipped`,
        'nothing to do: OpenClaw 2026.8 and later keep them there, and clawback leaves them alone',
      );
    case 'symlink':
      return warning(
        `agent ${id}: skipped, because ${detail ?? `${storePath} is no regular file`}`,
        'clawback never writes through links: point session.store in openclaw.json at the real file',
      );
    case 'absent':
      return ok(`agent ${id}: no sessions yet (${detail ?? storePath})`);
  }
}

function noneToWorkOn(installation: Installation): Finding[] {
  try {
    workableStores(installation);
    return [];
  } catch (error) {
    return [problem(toErrorData(error))];
  }
}
