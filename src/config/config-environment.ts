import type { ConfigProblem } from './config-problem.ts';
import type { ConfigKey } from './key-doc.ts';
import { nearest } from './nearest.ts';

export const PREFIX = 'CLAWBACK_';

/** Variables that are not keys of the config. */
const RESERVED = ['CLAWBACK_CONFIG', 'CLAWBACK_STATE_DIR', 'CLAWBACK_LOG_FORMAT'];
const RESERVED_PREFIXES = ['CLAWBACK_TEST_', 'CLAWBACK_BENCH_'];

/** `retention.protectedPruneAfter` → `CLAWBACK_RETENTION_PROTECTED_PRUNE_AFTER`. */
export function variableFor(path: readonly string[]): string {
  return PREFIX + path.map((name) => name.replace(/[A-Z]/g, '_$&').toUpperCase()).join('_');
}

/** The values that the environment gives, nested like the file, and what is wrong with their names. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  keys: readonly ConfigKey[],
): { readonly value: Record<string, unknown>; readonly problems: readonly ConfigProblem[] } {
  const byVariable = new Map(keys.map((key) => [variableFor(key.path), key]));
  const value: Record<string, unknown> = {};
  const problems: ConfigProblem[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (text === undefined || !variable.startsWith(PREFIX) || isReserved(variable)) continue;
    const key = byVariable.get(variable);
    if (key) assign(value, key.path, interpret(text, key.doc.kind));
    else
      problems.push({
        source: variable,
        text: `is not a setting${suggest(variable, [...byVariable.keys()])}`,
      });
  }
  return { value, problems };
}

function isReserved(variable: string): boolean {
  return RESERVED.includes(variable) || RESERVED_PREFIXES.some((prefix) => variable.startsWith(prefix));
}

function suggest(variable: string, variables: readonly string[]): string {
  const meant = nearest(
    variable.slice(PREFIX.length),
    [...variables, ...RESERVED].map((name) => name.slice(PREFIX.length)),
  );
  return meant === undefined ? '' : `; did you mean ${PREFIX}${meant}?`;
}

/** What does not look like the kind stays text, and is refused by the schema with what is allowed. */
function interpret(text: string, kind: ConfigKey['doc']['kind']): unknown {
  if (kind === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  if (kind === 'integer' && /^-?\d+$/.test(text)) return Number(text);
  return text;
}

/** Puts a value under a path of fresh objects. */
export function assign(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    target[name] = value;
    return;
  }
  target[name] ??= {};
  assign(target[name] as Record<string, unknown>, rest, value);
}
