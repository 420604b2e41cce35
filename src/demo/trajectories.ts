import {
  MODEL,
  SKILLS,
  systemPrompt,
  systemPromptReport,
  toolDefinitions,
  WORKSPACE_DIR,
} from './agent-setup.ts';
import { paragraphs, question } from './prose.ts';
import type { Random } from './random.ts';

/** What one turn of a conversation adds at real size: the prompt twice, the tools once, the metadata once. */
export const TURN_BYTES = 130_000;
/** What the envelopes of a turn's seven events weigh, however small the rest is. */
const TURN_FLOOR_BYTES = 6_000;

/** The part of a trajectory that repeats in every turn of every session, already serialised. */
export interface TrajectorySetup {
  readonly systemPromptJson: string;
  readonly toolsJson: string;
  readonly metadataJson: string;
  readonly turnBytes: number;
  /** Where the messages came in. */
  readonly channel: string;
}

/** A conversation's turn: 30 KB of system prompt, 33 KB of tools, 30 KB of metadata, times `sizeScale`. */
export function conversationSetup(sizeScale: number, channel: string): TrajectorySetup {
  return setupOf(30_000 * sizeScale, 33_000 * sizeScale, 29_500 * sizeScale, channel);
}

/** A model-run probe's turn: no tools, next to no prompt, 20 KB of metadata, times `sizeScale`. */
export function probeSetup(sizeScale: number): TrajectorySetup {
  return setupOf(50, 0, 20_600 * sizeScale, 'webchat');
}

function setupOf(
  promptChars: number,
  toolsChars: number,
  metadataChars: number,
  channel: string,
): TrajectorySetup {
  const systemPromptJson = JSON.stringify(systemPrompt(promptChars));
  const toolsJson = JSON.stringify(toolDefinitions(toolsChars));
  const metadataJson = JSON.stringify(metadata(metadataChars));
  const turnBytes = 2 * systemPromptJson.length + toolsJson.length + metadataJson.length + TURN_FLOOR_BYTES;
  return { systemPromptJson, toolsJson, metadataJson, turnBytes, channel };
}

function metadata(chars: number): Record<string, unknown> {
  const share = Math.min(1, chars / 29_500);
  const report = systemPromptReport(
    { sessionId: '', sessionKey: '', generatedAtMs: 0 },
    { tools: Math.round(28 * share), skills: Math.round(15 * share), files: 7, hashes: true },
  );
  const skeleton = {
    harness: { name: 'openclaw', version: '2026.5.7', node: 'v24.11.0', os: 'linux', arch: 'x64' },
    model: { provider: MODEL.provider, id: MODEL.modelId, api: MODEL.api },
    redaction: { mode: 'secrets', replaced: 3 },
    prompting: share > 0.1 ? report : {},
    skills: SKILLS.slice(0, Math.ceil(15 * share)),
  };
  const left = chars - JSON.stringify(skeleton).length;
  return { ...skeleton, plugins: toolDefinitions(Math.max(0, left)) };
}

export interface TrajectoryPlan {
  readonly sessionId: string;
  readonly sessionKey: string;
  /** Absolute, where the transcript lies while it is live. */
  readonly transcriptPath: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Rounded to whole turns, at least one. */
  readonly targetBytes: number;
}

/** The lines of a trajectory: seven events a turn. */
export function* trajectoryLines(
  plan: TrajectoryPlan,
  setup: TrajectorySetup,
  random: Random,
): Generator<string> {
  const turns = Math.max(1, Math.round(plan.targetBytes / setup.turnBytes));
  const turnMs = (plan.endedAtMs - plan.startedAtMs) / turns;
  let sourceSeq = 0;
  for (let turn = 0; turn < turns; turn++) {
    const runId = random.uuid();
    const ts = new Date(plan.startedAtMs + turnMs * turn).toISOString();
    let seq = 0;
    for (const [type, dataJson] of turnEvents(plan, setup, random)) {
      const envelope = JSON.stringify({
        traceSchema: 'openclaw-trajectory',
        schemaVersion: 1,
        traceId: plan.sessionId,
        source: 'runtime',
        type,
        ts,
        seq: ++seq,
        sourceSeq: ++sourceSeq,
        sessionId: plan.sessionId,
        sessionKey: plan.sessionKey,
        runId,
        workspaceDir: WORKSPACE_DIR,
        provider: MODEL.provider,
        modelId: MODEL.modelId,
        modelApi: MODEL.api,
      });
      yield `${envelope.slice(0, -1)},"data":${dataJson}}\n`;
    }
  }
}

function turnEvents(
  plan: TrajectoryPlan,
  setup: TrajectorySetup,
  random: Random,
): readonly (readonly [type: string, dataJson: string])[] {
  const prompt = question(random);
  const text = paragraphs(random, 200);
  const promptJson = JSON.stringify(prompt);
  const sent = `"prompt":${promptJson},"systemPrompt":${setup.systemPromptJson},"messages":[],"imagesCount":0`;
  const outcome = { aborted: false, externalAbort: false, timedOut: false, idleTimedOut: false };
  const usage = { input: random.int(8_000, 60_000), output: random.int(20, 900) };
  const started = { trigger: 'user', sessionFile: plan.transcriptPath, workspaceDir: WORKSPACE_DIR };
  const snapshot = [
    { role: 'user', content: [{ type: 'text', text: prompt }] },
    { role: 'assistant', content: [{ type: 'text', text }], provider: MODEL.provider, model: MODEL.modelId },
  ];
  const completed = {
    ...outcome,
    usage,
    compactionCount: 0,
    assistantTexts: [text],
    finalPromptText: prompt,
  };
  return [
    [
      'session.started',
      JSON.stringify({ ...started, messageProvider: setup.channel, messageChannel: setup.channel }),
    ],
    ['trace.metadata', setup.metadataJson],
    ['context.compiled', `{${sent},"tools":${setup.toolsJson},"transport":"auto"}`],
    ['prompt.submitted', `{${sent}}`],
    ['model.completed', JSON.stringify({ ...completed, messagesSnapshot: snapshot })],
    ['trace.artifacts', JSON.stringify({ finalStatus: 'success', ...completed, toolMetas: [] })],
    ['session.ended', JSON.stringify({ status: 'success', ...outcome })],
  ];
}

/** The pointer beside a transcript that says where its trajectory lies. */
export function trajectoryPointer(sessionId: string, runtimeFile: string): string {
  const pointer = { traceSchema: 'openclaw-trajectory-pointer', schemaVersion: 1, sessionId, runtimeFile };
  return `${JSON.stringify(pointer, null, 2)}\n`;
}
