import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the model was asked: the conversation, flattened to text. */
export interface ModelRequest {
  readonly messages: readonly { readonly role: string; readonly text: string }[];
}

/** An OpenAI-compatible chat model on loopback that answers `echo <last user message>`. */
export interface MockModel {
  readonly port: number;
  /** Every request for a completion, oldest first. */
  readonly requests: readonly ModelRequest[];
  /** Keeps every answer to a conversation in which the user said `text` until it is released. */
  hold(text: string): HeldAnswer;
  close(): Promise<void>;
}

export interface HeldAnswer {
  /** Resolves when a request for it has come in. */
  readonly asked: Promise<void>;
  release(): void;
}

interface Hold extends HeldAnswer {
  readonly text: string;
  readonly released: Promise<void>;
  noteAsked(): void;
}

export async function startMockModel(): Promise<MockModel> {
  const requests: ModelRequest[] = [];
  const holds: Hold[] = [];
  const server = createServer((request, response) => {
    answer(request, response, requests, holds).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    hold: (text) => {
      const hold = makeHold(text);
      holds.push(hold);
      return hold;
    },
    close: async () => {
      for (const hold of holds) hold.release();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function makeHold(text: string): Hold {
  let noteAsked = () => {};
  let release = () => {};
  const asked = new Promise<void>((resolve) => {
    noteAsked = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { text, asked, released, noteAsked: () => noteAsked(), release: () => release() };
}

interface ChatMessage {
  readonly role: string;
  readonly content?: string | readonly { readonly type: string; readonly text?: string }[] | null;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  requests: ModelRequest[],
  holds: readonly Hold[],
): Promise<void> {
  if (request.method !== 'POST' || request.url !== '/v1/chat/completions') {
    sendJson(response, request.url === '/v1/models' ? { object: 'list', data: [{ id: 'm1' }] } : {});
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = JSON.parse(Buffer.concat(chunks).toString()) as { messages: ChatMessage[]; stream?: boolean };
  const messages = body.messages.map((message) => ({ role: message.role, text: textOf(message) }));
  requests.push({ messages });
  const said = messages.filter(({ role }) => role === 'user').map(({ text }) => text);
  // 2026.7 sends what it knows of the chat as one more message of the user.
  const asked = said.findLast((text) => !text.startsWith('OpenClaw runtime context')) ?? '';
  const hold = holds.find(({ text }) => said.some((one) => one.includes(text)));
  hold?.noteAsked();
  await hold?.released;
  const reply = `echo ${asked.split('\n').at(-1) ?? ''}`;
  if (body.stream === true) sendStream(response, reply);
  else sendJson(response, completion('message', { role: 'assistant', content: reply }, 'stop'));
}

function textOf(message: ChatMessage): string {
  if (typeof message.content === 'string') return message.content;
  return (message.content ?? []).map((part) => part.text ?? `[${part.type}]`).join('');
}

function completion(field: 'message' | 'delta', value: object, finishReason: string | null): object {
  return {
    id: 'chatcmpl-mock',
    object: field === 'delta' ? 'chat.completion.chunk' : 'chat.completion',
    created: 1_700_000_000,
    model: 'm1',
    choices: [{ index: 0, [field]: value, finish_reason: finishReason }],
    usage: finishReason === null ? null : { prompt_tokens: 100, completion_tokens: 5, total_tokens: 105 },
  };
}

function sendStream(response: ServerResponse, reply: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const events = [
    completion('delta', { role: 'assistant', content: '' }, null),
    completion('delta', { content: reply }, null),
    completion('delta', {}, 'stop'),
  ];
  for (const event of events) response.write(`data: ${JSON.stringify(event)}\n\n`);
  response.end('data: [DONE]\n\n');
}

function sendJson(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}
