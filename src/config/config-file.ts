import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { ClawbackError, describe, errnoOf } from '../errors.ts';
import type { ConfigProblem } from './config-problem.ts';

/** The file that was read, its content, and what is wrong with its text. */
export interface ConfigFile {
  readonly path: string;
  /** Objects without a prototype, so that no key of the file reaches one. */
  readonly value: Record<string, unknown>;
  readonly problems: readonly ConfigProblem[];
  /** `file:line:column` of the value under `path`, or of the nearest object around it. */
  sourceOf(path: readonly string[]): string;
}

interface Named {
  readonly path: string;
  /** Who named it, so that it must exist. Undefined for the file that is looked for in the state dir. */
  readonly by?: string;
}

/** Finds the file: `--config`, else `CLAWBACK_CONFIG`, else `clawback.json` in the state dir. */
function locate(stateDir: string, flag: string | undefined, variable: string | undefined): Named {
  if (flag !== undefined) return { path: resolve(flag), by: '--config' };
  if (variable !== undefined) return { path: resolve(variable), by: 'CLAWBACK_CONFIG' };
  return { path: resolve(stateDir, 'clawback.json') };
}

/**
 * @returns undefined if nobody named a file and the state dir holds none.
 * @throws {ClawbackError} `config-invalid` if a named file is missing, or a file cannot be read.
 */
export async function readConfigFile(input: {
  readonly stateDir: string;
  readonly flag?: string | undefined;
  readonly variable?: string | undefined;
}): Promise<ConfigFile | undefined> {
  const { path, by } = locate(input.stateDir, input.flag, input.variable);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const missing = errnoOf(error) === 'ENOENT';
    if (missing && by === undefined) return undefined;
    if (errnoOf(error) === 'ENOTDIR' && by === undefined) {
      throw new ClawbackError('config-invalid', `open the state folder ${input.stateDir}: it is a file`, {
        hint: 'name the OpenClaw state folder with --state-dir',
        cause: error,
      });
    }
    const why = missing ? `not found (named by ${by})` : describe(error);
    throw new ClawbackError('config-invalid', `read config ${path}: ${why}`, {
      hint: by === undefined ? 'make the file readable, or move it away' : `name a file, or leave ${by} out`,
      cause: error,
    });
  }
  return parseConfigFile(path, text);
}

/** Reads JSON with comments and trailing commas. */
export function parseConfigFile(path: string, text: string): ConfigFile {
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const errors: ParseError[] = [];
  const root = parseTree(json, errors, { allowTrailingComma: true });
  const place = (offset: number) => `${path}:${lineAndColumn(json, offset)}`;
  const sourceOf = (keyPath: readonly string[]) => place(root ? offsetOf(root, keyPath) : 0);
  const problems: ConfigProblem[] = errors.map((error) => ({
    source: place(error.offset),
    text: `is not JSON: ${words(printParseErrorCode(error.error))}`,
  }));
  if (problems.length > 0) return { path, value: {}, problems, sourceOf };
  if (root?.type !== 'object') {
    return { path, value: {}, problems: [{ source: place(0), text: 'is not a JSON object' }], sourceOf };
  }
  const value = toValue(root, [], place, problems) as Record<string, unknown>;
  return { path, value, problems, sourceOf };
}

function toValue(
  node: Node,
  path: readonly string[],
  place: (at: number) => string,
  problems: ConfigProblem[],
) {
  if (node.type === 'array')
    return node.children?.map((child): unknown => toValue(child, path, place, problems));
  if (node.type !== 'object') return node.value as unknown;
  const object = Object.create(null) as Record<string, unknown>;
  for (const property of node.children ?? []) {
    const [nameNode, valueNode] = property.children ?? [];
    if (!nameNode || !valueNode) continue;
    const name = String(nameNode.value);
    const problem = { source: place(nameNode.offset), key: [...path, name].join('.') };
    if (name === '__proto__') problems.push({ ...problem, text: 'is not a key' });
    else if (name in object) problems.push({ ...problem, text: 'is given twice' });
    else object[name] = toValue(valueNode, [...path, name], place, problems);
  }
  return object;
}

function offsetOf(root: Node, path: readonly string[]): number {
  let node = root;
  let offset = root.offset;
  for (const segment of path) {
    const property = node.children?.find((child) => child.children?.[0]?.value === segment);
    const [name, value] = property?.children ?? [];
    if (!name || !value) break;
    offset = name.offset;
    node = value;
  }
  return offset;
}

function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

function words(camelCase: string): string {
  return camelCase.replace(/[A-Z]/g, (capital, index) => `${index === 0 ? '' : ' '}${capital.toLowerCase()}`);
}
