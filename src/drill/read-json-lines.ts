import { isJsonObject } from '../restore/json-value.ts';
import { splitLines } from '../restore/transcript-lines.ts';

/** A line with several images is some megabytes; one that is longer than this is counted, not parsed. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

const LF = 0x0a;

/** What the lines of a file are, without a word of what they say. */
export interface JsonLines {
  /** Lines that are no JSON, apart from a torn last one. */
  readonly broken: number;
  /** The first of those, from 1. */
  readonly firstBroken: number | undefined;
  /** The last line has no end and is no JSON: whoever wrote it was interrupted. */
  readonly isTorn: boolean;
  /** Lines that were too long to be parsed. */
  readonly oversized: number;
  readonly first: 'header' | 'other' | 'none';
}

/** Reads JSONL to its end. Blank lines count for nothing, as in OpenClaw. */
export async function readJsonLines(chunks: AsyncIterable<Uint8Array>): Promise<JsonLines> {
  let endsWithLf = true;
  async function* watched() {
    for await (const chunk of chunks) {
      if (chunk.length > 0) endsWithLf = chunk.at(-1) === LF;
      yield chunk;
    }
  }
  const broken: number[] = [];
  let number = 0;
  let oversized = 0;
  let first: JsonLines['first'] = 'none';
  for await (const line of splitLines(watched(), MAX_LINE_BYTES)) {
    number += 1;
    const kind = typeof line === 'string' ? kindOf(line) : 'oversized';
    if (kind === 'blank') continue;
    if (kind === 'broken') broken.push(number);
    if (kind === 'oversized') oversized += 1;
    if (first === 'none') first = kind === 'header' ? 'header' : 'other';
  }
  const isTorn = !endsWithLf && broken.at(-1) === number;
  if (isTorn) broken.pop();
  // Where the torn line is the only one, nothing had been written whole.
  if (isTorn && number === 1) first = 'none';
  return { broken: broken.length, firstBroken: broken[0], isTorn, oversized, first };
}

function kindOf(line: string): 'blank' | 'broken' | 'header' | 'other' {
  if (line.trim() === '') return 'blank';
  try {
    const value: unknown = JSON.parse(line);
    const isHeader = isJsonObject(value) && value.type === 'session' && typeof value.id === 'string';
    return isHeader ? 'header' : 'other';
  } catch (error) {
    if (error instanceof SyntaxError) return 'broken';
    throw error;
  }
}
