import { isRecord, type JsonRecord, recordAt } from './read-json5.ts';

const AGENT_ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;

export function isAgentId(id: string): boolean {
  return AGENT_ID.test(id);
}

/** Every agent that the config names, ACP agents among them. */
export function listConfiguredAgents(root: JsonRecord): { agentIds: string[]; defaultAgentId: string } {
  const list = recordAt(root, 'agents').list;
  const entries = (Array.isArray(list) ? list : []).filter(isRecord);
  const idOf = (entry: JsonRecord | undefined) => (entry ? normalizeAgentId(entry.id) : undefined);
  const acp = recordAt(root, 'acp');
  const allowed = Array.isArray(acp.allowedAgents) ? acp.allowedAgents : [];
  const acpIds = [acp.defaultAgent, ...allowed].filter(
    (id) => typeof id === 'string' && !['', '*'].includes(id.trim()),
  );
  const ids = [...entries.map(idOf), ...acpIds.map(normalizeAgentId)].filter((id) => id !== undefined);
  const marked = entries.find((entry) => entry.default === true) ?? entries[0];
  return {
    agentIds: [...new Set(entries.length === 0 ? ['main', ...ids] : ids)],
    defaultAgentId: idOf(marked) ?? 'main',
  };
}

/** As OpenClaw does it: other characters become a dash. */
function normalizeAgentId(id: unknown): string {
  const text = typeof id === 'string' ? id : '';
  const safe = text
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64);
  return isAgentId(safe) ? safe : 'main';
}
