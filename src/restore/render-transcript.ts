import { isJsonObject, type JsonObject, stringOr } from './json-value.ts';
import { contentText, renderMessage } from './render-message.ts';
import { oneLine } from './terminal-text.ts';
import type { TranscriptLine } from './transcript-lines.ts';

/**
 * Turns an OpenClaw transcript (JSONL, version 1 to 3) into text for people, one record at a
 * time, in the order of the file: branches that the conversation left are shown too.
 *
 * Safe to print: no content can drive the terminal, and as every line of a message but its
 * first is indented, none can pass for another message. Yields whole lines.
 */
export async function* renderTranscript(lines: AsyncIterable<TranscriptLine>): AsyncGenerator<string> {
  for await (const line of lines) {
    const text = renderLine(line);
    if (text !== undefined) yield `${text}\n`;
  }
}

/** One record as one or more lines, or undefined where it says nothing to people. */
export function renderLine(line: TranscriptLine): string | undefined {
  if (typeof line !== 'string') return `[unreadable line, ${line.oversizedBytes} bytes, too long]`;
  if (line.trim() === '') return undefined;
  const record = parseObject(line);
  if (record === undefined) return `[unreadable line, ${Buffer.byteLength(line)} bytes]`;
  if (record.type === 'session') return header(record);
  const text = renderRecord(record);
  if (text === undefined) return undefined;
  return `[${dateText(record) ?? 'no date'}] ${text.replace(/\n(?=[^\n])/g, '\n    ')}`;
}

function parseObject(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : undefined;
  } catch {
    // A torn or damaged line; OpenClaw skips it too.
    return undefined;
  }
}

function header(record: JsonObject): string {
  const id = oneLine(stringOr(record.id, 'without id'));
  const parent = oneLine(stringOr(record.parentSession));
  const from = parent === '' ? '' : `, forked from ${parent}`;
  return `Session ${id}, started ${dateText(record) ?? 'at an unknown time'} (all times UTC)${from}`;
}

function renderRecord(record: JsonObject): string | undefined {
  switch (record.type) {
    case 'message':
      return renderMessage(isJsonObject(record.message) ? record.message : {});
    case 'model_change':
      return `model: ${oneLine(`${stringOr(record.provider, '?')}/${stringOr(record.modelId, '?')}`)}`;
    case 'thinking_level_change':
      return `thinking level: ${oneLine(stringOr(record.thinkingLevel, '?'))}`;
    case 'session_info':
      return `session name: ${oneLine(stringOr(record.name)) || '(none)'}`;
    case 'label':
      return `label of ${oneLine(stringOr(record.targetId, '?'))}: ${oneLine(stringOr(record.label)) || '(none)'}`;
    case 'compaction':
      return `summary of what came before${tokenNote(record)}: ${contentText(record.summary)}`;
    case 'branch_summary':
      return `summary of a branch left behind: ${contentText(record.summary)}`;
    case 'custom':
      return undefined;
    case 'custom_message':
      if (record.display !== true) return undefined;
      return `${oneLine(stringOr(record.customType, 'note'), 60)}: ${contentText(record.content)}`;
    default:
      return `(a record of type ${oneLine(stringOr(record.type, 'unknown'), 60)}, not shown)`;
  }
}

function tokenNote(record: JsonObject): string {
  return typeof record.tokensBefore === 'number' ? ` (${record.tokensBefore} tokens)` : '';
}

/** `2026-11-20 10:48` in UTC, from the record or else from its message. */
function dateText(record: JsonObject): string | undefined {
  const message = isJsonObject(record.message) ? record.message : {};
  for (const value of [record.timestamp, message.timestamp]) {
    if (typeof value !== 'string' && typeof value !== 'number') continue;
    const date = new Date(value);
    if (!Number.isNaN(date.getTime())) return date.toISOString().slice(0, 16).replace('T', ' ');
  }
  return undefined;
}
