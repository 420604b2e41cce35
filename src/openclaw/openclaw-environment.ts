import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { errnoOf } from '../errors.ts';
import { onFile } from '../system-error.ts';
import { isRecord, type JsonRecord, recordAt } from './read-json5.ts';
import type { Environment } from './state-dir.ts';

/** The variables as the gateway has them: the process's own, then `.env` of the state dir, then the config's `env`. */
export async function readOpenClawEnvironment(
  stateDir: string,
  env: Environment,
  root: JsonRecord,
): Promise<Environment> {
  const { vars, ...rest } = recordAt(root, 'env');
  const fromConfig = { ...strings(rest), ...strings(isRecord(vars) ? vars : {}) };
  return { ...fromConfig, ...(await readDotEnv(stateDir)), ...withoutEmpty(env) };
}

async function readDotEnv(stateDir: string): Promise<Environment> {
  const path = join(stateDir, '.env');
  try {
    return withoutEmpty(parseEnv(await onFile(path, () => readFile(path, 'utf8'))) as Environment);
  } catch (error) {
    // An account that may not read the secrets of OpenClaw can still archive its sessions.
    if (['ENOENT', 'EACCES', 'EPERM', 'EISDIR'].includes(errnoOf(error) ?? '')) return {};
    throw error;
  }
}

function strings(record: JsonRecord): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function withoutEmpty(env: Environment): Environment {
  return Object.fromEntries(
    Object.entries(env).filter(([, text]) => text !== undefined && text.trim() !== ''),
  );
}

/** Puts `${NAME}` in; `$${NAME}` stands for itself. `missing` is the first name that has no value. */
export function substitute(
  text: string,
  env: Environment,
): { readonly text: string; readonly missing?: string } {
  const missing: string[] = [];
  const replaced = text.replace(/(\$?)\$\{([A-Z_][A-Z0-9_]*)\}/g, (_whole, dollar: string, name: string) => {
    if (dollar !== '') return `\${${name}}`;
    const value = env[name];
    if (value === undefined) missing.push(name);
    return value ?? '';
  });
  return missing[0] === undefined ? { text: replaced } : { text: replaced, missing: missing[0] };
}
