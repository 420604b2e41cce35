import { createHash } from 'node:crypto';
import { paragraphs } from './prose.ts';
import { createRandom, type Random } from './random.ts';
import type { Model } from './transcripts.ts';

/** The agent that the generated sessions belong to. One for all of them, as in a real install. */
export const MODEL: Model = { provider: 'acme', modelId: 'acme-large-2', api: 'openai-completions' };
export const WORKSPACE_DIR = '/home/operator/.openclaw/workspace';

export const SKILLS =
  'browser-automation canvas diagram-maker healthcheck meme-maker node-connect node-inspect-debugger notion python-debugpy skill-creator spike taskflow taskflow-inbox-triage tmux weather'.split(
    ' ',
  );
const TOOLS =
  'read edit write exec process nodes cron message tts gateway agents_list sessions_list sessions_history sessions_send sessions_spawn sessions_yield subagents session_status web_search web_fetch browser canvas file_fetch dir_list dir_fetch image memory_get memory_search'.split(
    ' ',
  );
const WORKSPACE_FILES = 'AGENTS.md SOUL.md TOOLS.md IDENTITY.md USER.md HEARTBEAT.md BOOTSTRAP.md'.split(' ');

/** Independent of every store's seed: a skills prompt belongs to the release, not to the conversation. */
const setupRandom = createRandom('agent-setup');

export interface ReportSize {
  readonly tools: number;
  readonly skills: number;
  readonly files: number;
  /** Releases from 2026.5.28 on also keep a SHA-256 for each tool. */
  readonly hashes: boolean;
}

/** What OpenClaw keeps about the last system prompt: the tables of tools, skills and workspace files. */
export function systemPromptReport(
  session: { readonly sessionId: string; readonly sessionKey: string; readonly generatedAtMs: number },
  size: ReportSize,
): Record<string, unknown> {
  return {
    source: 'run',
    generatedAt: session.generatedAtMs,
    sessionId: session.sessionId,
    sessionKey: session.sessionKey,
    provider: MODEL.provider,
    model: MODEL.modelId,
    workspaceDir: WORKSPACE_DIR,
    bootstrapMaxChars: 12000,
    bootstrapTotalMaxChars: 60000,
    sandbox: { mode: 'off', sandboxed: false },
    systemPrompt: { chars: 27900, projectContextChars: 12360, nonProjectContextChars: 15540 },
    injectedWorkspaceFiles: WORKSPACE_FILES.slice(0, size.files).map((name) => ({
      name,
      path: `${WORKSPACE_DIR}/${name}`,
      missing: false,
      rawChars: 400 + name.length * 211,
      injectedChars: 400 + name.length * 211,
      truncated: false,
    })),
    skills: {
      promptChars: 4361,
      entries: SKILLS.slice(0, size.skills).map((name) => ({ name, blockChars: 230 + name.length * 2 })),
    },
    tools: {
      listChars: 0,
      schemaChars: 30357,
      entries: TOOLS.slice(0, size.tools).map((name) => toolEntry(name, size.hashes)),
    },
  };
}

function toolEntry(name: string, hashes: boolean): Record<string, unknown> {
  return {
    name,
    summaryChars: 60 + name.length * 23,
    ...(hashes ? { summaryHash: sha256(`${name} summary`) } : {}),
    schemaChars: 120 + name.length * 97,
    ...(hashes ? { schemaHash: sha256(`${name} schema`) } : {}),
    propertiesCount: 1 + (name.length % 7),
  };
}

/** The block of text that lists the skills, about `charsPerSkill` characters for each. */
export function skillsPrompt(skillCount: number, charsPerSkill: number): string {
  const random = setupRandom.fork('skills');
  const blocks = SKILLS.slice(0, skillCount).map(
    (name) =>
      `  <skill>\n    <name>${name}</name>\n    <description>${paragraphs(random, charsPerSkill)}</description>\n    <location>~/.openclaw/skills/${name}/SKILL.md</location>\n  </skill>`,
  );
  return `<available_skills>\n${blocks.join('\n')}\n</available_skills>`;
}

/** Tool definitions with JSON schemas, as sent to the model: about `chars` characters of JSON. */
export function toolDefinitions(chars: number): readonly Record<string, unknown>[] {
  const random = setupRandom.fork('tools');
  const perToolChars = Math.max(200, chars / TOOLS.length);
  const definitions: Record<string, unknown>[] = [];
  for (let written = 0; written < chars && definitions.length < TOOLS.length; ) {
    const definition = toolDefinition(TOOLS[definitions.length] ?? 'tool', random, perToolChars);
    definitions.push(definition);
    written += JSON.stringify(definition).length;
  }
  return definitions;
}

function toolDefinition(name: string, random: Random, chars: number): Record<string, unknown> {
  const properties: Record<string, unknown> = {};
  for (let left = chars - 200; left > 0; left -= 190) {
    properties[`${random.pick(WORDS)}_${random.pick(WORDS)}`] = {
      type: random.pick(['string', 'number', 'boolean']),
      description: paragraphs(random, 90),
    };
  }
  const parameters = { type: 'object', additionalProperties: false, required: [], properties };
  return { name, description: paragraphs(random, 100), parameters };
}

const WORDS = 'max min path query session channel target limit offset label mode since until thread'.split(
  ' ',
);

/** The text of a system prompt, the same for every session of one agent. */
export function systemPrompt(chars: number): string {
  return `You are a personal assistant running inside OpenClaw.\n${paragraphs(setupRandom.fork('system'), chars)}`;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
