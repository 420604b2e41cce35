import { type Finding, ok, problem } from './check.ts';
import type { Examination } from './examination.ts';

/** Whether OpenClaw's own config could be read, and what of it matters here. */
export async function checkOpenClaw({ openclaw }: Examination): Promise<readonly Finding[]> {
  if (!openclaw.ok) return [problem(openclaw.error)];
  const { path, configPath, agentIds, maxEntries } = openclaw.value;
  const file =
    path === undefined ? `no OpenClaw config at ${configPath}: its defaults hold` : `OpenClaw config ${path}`;
  return [ok(`${file}; agents ${agentIds.join(', ')}; session.maintenance.maxEntries ${maxEntries}`)];
}
