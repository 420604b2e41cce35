import type { z } from 'zod';
import { ClawbackError } from '../errors.ts';
import { mayHoldCredential } from './archive-url.ts';
import type { ConfigKey } from './key-doc.ts';
import { nearest } from './nearest.ts';

/** One thing that is wrong, and where: a file with its line, an environment variable or a flag. */
export interface ConfigProblem {
  readonly source: string;
  /** The dotted key, where there is one. */
  readonly key?: string;
  readonly text: string;
}

/** Names the place in a layer that the path of an issue came from. */
export type SourceOf = (path: readonly string[]) => string;

const MAX_SHOWN = 60;
const NOT_SHOWN = 'the value (not shown)';

/** The issues of zod as problems, with the value and what is allowed. */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  layer: unknown,
  keys: readonly ConfigKey[],
  sourceOf: SourceOf,
): ConfigProblem[] {
  return issues.flatMap((issue): ConfigProblem[] => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((name) => unknownKey([...path, name], keys, sourceOf));
    }
    const dotted = path.join('.');
    const found = keys.find((key) => key.path.join('.') === dotted);
    const allowed = found?.doc.allowed ?? `an object with the keys ${childrenOf(path, keys).join(', ')}`;
    const what = issue.code === 'custom' ? issue.message : 'is refused';
    const value = isSecretAt(path, keys) ? NOT_SHOWN : show(valueAt(layer, path));
    const text = `${value} ${what}; allowed: ${allowed}`;
    return [{ source: sourceOf(path), ...(dotted === '' ? {} : { key: dotted }), text }];
  });
}

/** Unknown keys are named without their value: it may be a credential that has no place here. */
function unknownKey(path: readonly string[], keys: readonly ConfigKey[], sourceOf: SourceOf): ConfigProblem {
  const dotted = path.join('.');
  return { source: sourceOf(path), key: dotted, text: `is not a key${hintFor(dotted, path, keys)}` };
}

function hintFor(dotted: string, path: readonly string[], keys: readonly ConfigKey[]): string {
  const name = path.at(-1) ?? '';
  if (/secret|password|token|accesskey|credential/i.test(name)) {
    return "; credentials come from the SDK's own chain (environment, profile, role), never from here";
  }
  if (dotted === 'retention.perKind.model-run') return '; that age is retention.modelRunPruneAfter';
  if (/^retention\.perKind\.(?:channel|group|thread|topic)$/.test(dotted)) {
    return '; these are protected conversations, whose age is retention.protectedPruneAfter';
  }
  const names = keys.map((key) => key.path.join('.'));
  const sameName = names.find((known) => known.split('.').at(-1) === name);
  const suggestion = sameName ?? nearest(dotted, names);
  if (suggestion !== undefined) return `; did you mean ${suggestion}?`;
  return `; known here: ${childrenOf(path.slice(0, -1), keys).join(', ')}`;
}

function childrenOf(path: readonly string[], keys: readonly ConfigKey[]): string[] {
  const below = keys.filter((key) => path.every((segment, index) => key.path[index] === segment));
  return [...new Set(below.map((key) => key.path[path.length] ?? ''))];
}

function valueAt(layer: unknown, path: readonly string[]): unknown {
  return path.reduce((value, segment) => (value as Record<string, unknown> | undefined)?.[segment], layer);
}

/** Also of what is given in place of an object that would hold a secret. */
function isSecretAt(path: readonly string[], keys: readonly ConfigKey[]): boolean {
  return keys.some(({ path: of, doc }) => doc.isSecret && path.every((name, index) => of[index] === name));
}

function show(value: unknown): string {
  if (typeof value === 'string' && mayHoldCredential(value)) return NOT_SHOWN;
  const json = JSON.stringify(value) ?? String(value);
  return json.length > MAX_SHOWN ? `${json.slice(0, MAX_SHOWN)}…` : json;
}

/** All problems in one error. */
export function configInvalid(problems: readonly ConfigProblem[], hint?: string): ClawbackError {
  const lines = problems.map(({ source, key, text }) => [source, ...(key ? [key] : []), text].join(': '));
  const message =
    lines.length === 1
      ? `read config: ${lines[0]}`
      : `read config: ${lines.length} problems\n  ${lines.join('\n  ')}`;
  return new ClawbackError('config-invalid', message, { hint: hint ?? 'docs/config.md lists every key' });
}
