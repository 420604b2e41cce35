import { filePath, paragraphs, question, sentence, toolOutput } from './prose.ts';
import type { Random } from './random.ts';

export interface Model {
  readonly provider: string;
  readonly modelId: string;
  readonly api: string;
}

export interface TranscriptPlan {
  readonly sessionId: string;
  readonly model: Model;
  readonly cwd: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly turns: number;
  /** What the file should weigh; a conversation has a floor of about a kilobyte. */
  readonly targetBytes: number;
  /** Base64 characters of an image in the first message; 0 for none. */
  readonly imageChars: number;
}

/** What a turn leaves besides its tool calls: the user's message and the answer. */
const TURN_FLOOR_BYTES = 1100;
const TOOL_CALL_FLOOR_BYTES = 900;
const MAX_TOOL_OUTPUT_CHARS = 60_000;

type Message = Readonly<Record<string, unknown>>;

/** Appends entries to the tree that a transcript is: each names its parent, the last one is the leaf. */
class EntryTree {
  readonly #random: Random;
  readonly #stepMs: number;
  #timeMs: number;
  #leafId: string | null = null;
  writtenChars = 0;

  constructor(random: Random, startedAtMs: number, stepMs: number) {
    this.#random = random;
    this.#timeMs = startedAtMs;
    this.#stepMs = stepMs;
  }

  get leafId(): string | null {
    return this.#leafId;
  }

  get timeMs(): number {
    return this.#timeMs;
  }

  append(type: string, payload: Message, parentId = this.#leafId): string {
    const id = this.#random.hex(8);
    const timestamp = new Date(this.#timeMs).toISOString();
    const line = `${JSON.stringify({ type, id, parentId, timestamp, ...payload })}\n`;
    this.#leafId = id;
    this.#timeMs += this.#random.int(0, this.#stepMs);
    this.writtenChars += line.length;
    return line;
  }
}

/** The lines of a version 3 transcript, header first. */
export function* transcriptLines(plan: TranscriptPlan, random: Random): Generator<string> {
  const { model, startedAtMs } = plan;
  const timestamp = new Date(startedAtMs).toISOString();
  const header = { type: 'session', version: 3, id: plan.sessionId, timestamp, cwd: plan.cwd };
  yield `${JSON.stringify(header)}\n`;

  const turns = Math.max(1, Math.min(plan.turns, Math.floor(plan.targetBytes / TURN_FLOOR_BYTES)));
  const steps = 4 + turns * 2 + plan.targetBytes / TOOL_CALL_FLOOR_BYTES;
  const tree = new EntryTree(random, startedAtMs, Math.floor((plan.endedAtMs - startedAtMs) / steps));
  yield tree.append('model_change', { provider: model.provider, modelId: model.modelId });
  yield tree.append('thinking_level_change', { thinkingLevel: 'off' });

  const targetChars = plan.targetBytes - plan.imageChars;
  for (let turn = 0; turn < turns; turn++) {
    const budget = (targetChars - tree.writtenChars) / (turns - turn);
    const branchesFrom = tree.leafId;
    yield* turnLines(tree, plan, random, budget, turn === 0 ? plan.imageChars : 0);
    // Now and then a person edits the question: a sibling branch, and the newer one becomes the leaf.
    if (turn > 1 && random.next() < 0.03) {
      const edited = userMessage(tree.timeMs, [textBlock(question(random))]);
      yield tree.append('message', { message: edited }, branchesFrom);
      yield tree.append('message', { message: answer(tree.timeMs, model, random, sentence(random)) });
    }
  }
}

function* turnLines(
  tree: EntryTree,
  plan: TranscriptPlan,
  random: Random,
  budgetChars: number,
  imageChars: number,
): Generator<string> {
  const content: Message[] = [textBlock(question(random))];
  if (imageChars > 0)
    content.push({ type: 'image', data: base64(random, imageChars), mimeType: 'image/png' });
  let left = budgetChars - TURN_FLOOR_BYTES;
  yield tree.append('message', { message: userMessage(tree.timeMs, content) });
  while (left > TOOL_CALL_FLOOR_BYTES) {
    const chars = Math.min(left - TOOL_CALL_FLOOR_BYTES, random.between(300, MAX_TOOL_OUTPUT_CHARS));
    const toolCallId = `call_${random.hex(24)}`;
    const call = toolCall(toolCallId, random);
    const calling = assistantMessage(tree.timeMs, plan.model, random, [call], 'toolUse');
    const before = tree.writtenChars;
    yield tree.append('message', { message: calling });
    yield tree.append('message', { message: toolResult(tree.timeMs, toolCallId, random, chars) });
    left -= tree.writtenChars - before;
  }
  const text = paragraphs(random, Math.min(Math.max(left, 40), 3000));
  yield tree.append('message', { message: answer(tree.timeMs, plan.model, random, text) });
}

function textBlock(text: string): Message {
  return { type: 'text', text };
}

function userMessage(timestamp: number, content: readonly Message[]): Message {
  return { role: 'user', content, timestamp };
}

function toolCall(id: string, random: Random): Message {
  const path = filePath(random);
  return random.next() < 0.5
    ? { type: 'toolCall', id, name: 'read', arguments: { path } }
    : { type: 'toolCall', id, name: 'exec', arguments: { command: `grep -n "${random.hex(4)}" ${path}` } };
}

function toolResult(timestamp: number, toolCallId: string, random: Random, chars: number): Message {
  const content = [textBlock(toolOutput(random, chars))];
  return { role: 'toolResult', toolCallId, toolName: 'exec', content, isError: false, timestamp };
}

function answer(timestamp: number, model: Model, random: Random, text: string): Message {
  return assistantMessage(timestamp, model, random, [textBlock(text)], 'stop');
}

function assistantMessage(
  timestamp: number,
  model: Model,
  random: Random,
  content: readonly Message[],
  stopReason: 'stop' | 'toolUse',
): Message {
  const input = random.int(8_000, 60_000);
  const output = random.int(20, 900);
  const cost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 };
  return {
    role: 'assistant',
    content,
    api: model.api,
    provider: model.provider,
    model: model.modelId,
    usage: { input, output, cacheRead: 0, cacheWrite: 0, totalTokens: input + output, cost },
    stopReason,
    timestamp,
    responseId: `chatcmpl-${random.hex(12)}`,
  };
}

function base64(random: Random, chars: number): string {
  return random.bytes(Math.floor((chars * 3) / 4)).toString('base64');
}
