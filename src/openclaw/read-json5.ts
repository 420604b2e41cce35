import JSON5 from 'json5';
import { ClawbackError } from '../errors.ts';

/** Parses JSON5, as OpenClaw does for the files that people edit. The error has the position and no content. */
export function parseJson5(path: string, text: string): unknown {
  try {
    return JSON5.parse(text);
  } catch (error) {
    const { lineNumber, columnNumber } = error as { lineNumber?: number; columnNumber?: number };
    const where = lineNumber === undefined ? path : `${path}:${lineNumber}:${columnNumber}`;
    throw new ClawbackError('config-invalid', `read OpenClaw config ${where}: not JSON5`, {
      hint: 'run openclaw doctor, which shows what is wrong with the file',
      cause: error,
    });
  }
}

export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object under `name`, or an empty one. */
export function recordAt(record: JsonRecord, name: string): JsonRecord {
  const value = record[name];
  return isRecord(value) ? value : {};
}
