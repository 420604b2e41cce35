import { isJsonObject, type JsonObject, stringOr } from './json-value.ts';
import { dataPlaceholder, elideBase64, neutralise, oneLine, sizeText } from './terminal-text.ts';

const TOOL_CALL = /^(?:tool|function)_?(?:call|use)$/i;
const MIRROR_MODELS: ReadonlySet<unknown> = new Set(['delivery-mirror', 'gateway-injected']);

/** Who spoke and what, without the date. Lines after the first are not indented yet. */
export function renderMessage(message: JsonObject): string {
  if (message.role === 'toolResult') return toolResult(message);
  if (message.role === 'bashExecution') return bashExecution(message);
  const lines = [contentText(message.content), stopNote(message)].filter((line) => line !== '');
  return `${speaker(message)}: ${lines.join('\n') || '(no text)'}`;
}

/** The readable text of a message's content, which is a string or a list of blocks. */
export function contentText(content: unknown): string {
  const blocks = Array.isArray(content) ? content : [content];
  return blocks
    .map(renderBlock)
    .filter((line) => line !== '')
    .join('\n');
}

function speaker(message: JsonObject): string {
  const role = oneLine(stringOr(message.role), 40) || 'unknown';
  // What OpenClaw itself sent to the channel and wrote down as the assistant's words.
  const isMirror = message.provider === 'openclaw' && MIRROR_MODELS.has(message.model);
  return isMirror ? `${role} (${message.model})` : role;
}

function stopNote(message: JsonObject): string {
  if (message.stopReason !== 'error' && message.stopReason !== 'aborted') return '';
  const reason = oneLine(stringOr(message.errorMessage));
  return reason === '' ? `(${message.stopReason})` : `(${message.stopReason}: ${reason})`;
}

function renderBlock(block: unknown): string {
  if (typeof block === 'string') return bodyText(block);
  if (!isJsonObject(block)) return '';
  const type = stringOr(block.type);
  if (type === 'text') return bodyText(stringOr(block.text));
  if (type === 'thinking') return `(thinking, ${stringOr(block.thinking).length} characters)`;
  if (TOOL_CALL.test(type)) return toolCall(block);
  return attachment(type, block);
}

function bodyText(text: string): string {
  return neutralise(elideBase64(text)).trimEnd();
}

function toolCall(block: JsonObject): string {
  const input = block.arguments ?? block.input ?? block.partialArgs ?? {};
  const json = typeof input === 'string' ? input : shallowJson(input);
  return `→ ${oneLine(stringOr(block.name, 'unknown'), 60)} ${oneLine(elideBase64(json))}`;
}

/** JSON.stringify recurses: what is nested deeper than the stack is left out. */
function shallowJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return '(arguments nested too deeply)';
    throw error;
  }
}

function attachment(type: string, block: JsonObject): string {
  const source = isJsonObject(block.source) ? block.source : block;
  const data = stringOr(source.data);
  const mimeType = stringOr(source.mimeType) || stringOr(source.media_type);
  const name = oneLine(type, 40) || 'unknown';
  if (data === '') return mimeType === '' ? `[${name}]` : `[${name} ${oneLine(mimeType, 60)}]`;
  return dataPlaceholder(mimeType || name, data);
}

function toolResult(message: JsonObject): string {
  const failed = message.isError === true ? ' failed' : '';
  return `← ${oneLine(stringOr(message.toolName, 'unknown'), 60)}${failed}: ${outputLine(message.content)}`;
}

function bashExecution(message: JsonObject): string {
  const exit = typeof message.exitCode === 'number' ? `exit ${message.exitCode}` : 'no exit code';
  return `bash: ${oneLine(stringOr(message.command))}\n← ${exit}: ${outputLine(message.output)}`;
}

/** The first line with text in it, attachments, and the size of the whole. */
function outputLine(content: unknown): string {
  const blocks = Array.isArray(content) ? content : [content];
  const texts = blocks.map((block) => (isJsonObject(block) ? block.text : block));
  const text = texts.filter((part) => typeof part === 'string').join('\n');
  const attachments = blocks.filter((block) => isJsonObject(block) && typeof block.text !== 'string');
  const parts = attachments.map(renderBlock);
  const firstLine = text.trimStart().split('\n', 1)[0] ?? '';
  if (firstLine !== '')
    parts.unshift(`${oneLine(elideBase64(firstLine))} (${sizeText(Buffer.byteLength(text))})`);
  return parts.join(' ') || '(no output)';
}
