import { readFile, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { ClawbackError, describe, errnoOf } from '../errors.ts';
import { isRecord, parseJson5 } from './read-json5.ts';

/** OpenClaw's own limit. */
const MAX_DEPTH = 10;

/**
 * Replaces every `$include` (a path, or several) by the content of its files,
 * merged as OpenClaw merges: objects deeply, lists one after the other, and the
 * keys beside an `$include` last.
 *
 * @param roots real paths of the folders that included files must lie in.
 * @throws {ClawbackError} `config-invalid` if a file is missing, elsewhere, or includes itself.
 */
export function resolveIncludes(value: unknown, file: string, roots: readonly string[]): Promise<unknown> {
  return walk(value, [file], roots);
}

/** `chain` holds the files on the way here, the current one last. */
async function walk(value: unknown, chain: readonly string[], roots: readonly string[]): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((item) => walk(item, chain, roots)));
  if (!isRecord(value)) return value;
  const { $include: include, ...rest } = value;
  const own: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(rest)) {
    if (name !== '__proto__') own[name] = await walk(child, chain, roots);
  }
  if (include === undefined) return own;
  let merged: unknown = {};
  for (const path of Array.isArray(include) ? include : [include]) {
    const included = await readIncluded(path, chain, roots);
    merged = typeof include === 'string' ? included : deepMerge(merged, included);
  }
  return Object.keys(own).length === 0 ? merged : deepMerge(merged, own);
}

async function readIncluded(
  path: unknown,
  chain: readonly string[],
  roots: readonly string[],
): Promise<unknown> {
  const from = chain.at(-1) ?? '';
  if (typeof path !== 'string') throw problem(from, 'an $include is not a path');
  const file = resolve(dirname(from), path);
  if (chain.includes(file)) throw problem(from, `${path} includes itself`);
  if (chain.length > MAX_DEPTH) throw problem(from, `more than ${MAX_DEPTH} files include one another`);
  let text: string;
  try {
    const real = await realpath(file);
    if (!roots.some((root) => isInside(real, root)))
      throw problem(from, `${path} is outside of the config folder`);
    text = await readFile(real, 'utf8');
  } catch (error) {
    if (error instanceof ClawbackError) throw error;
    throw problem(from, `${path}: ${errnoOf(error) === 'ENOENT' ? 'not found' : describe(error)}`, error);
  }
  return walk(parseJson5(file, text), [...chain, file], roots);
}

function problem(file: string, what: string, cause?: unknown): ClawbackError {
  return new ClawbackError('config-invalid', `read OpenClaw config ${file}: ${what}`, {
    hint: 'run openclaw doctor, which shows what is wrong with the file',
    cause,
  });
}

function deepMerge(base: unknown, over: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(over)) return [...base, ...over];
  if (!isRecord(base) || !isRecord(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    merged[name] = Object.hasOwn(merged, name) ? deepMerge(merged[name], value) : value;
  }
  return merged;
}

function isInside(path: string, folder: string): boolean {
  const rest = relative(folder, path);
  return rest !== '' && !rest.startsWith('..') && !isAbsolute(rest);
}
