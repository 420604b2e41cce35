import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, errnoOf } from '../errors.ts';
import type { EvidenceCollector } from './activity-evidence.ts';
import { isRecord } from './read-json5.ts';

const CURRENT = 'current-conversations.json';
const THREADS = /^thread-bindings(?:-.+)?\.json$/;
/** `discord/thread-bindings.json` and the like; a plugin may keep one folder an account. */
const USUAL_DEPTH = 2;
/** Matrix: `matrix/accounts/<account>/<server>__<user>/<token>/thread-bindings.json`. */
const MATRIX_DEPTH = 5;

/** Folders of OpenClaw's own, which hold no plugin's state, and may hold files of containers that nobody else can read. */
const NOT_PLUGINS = /^(?:agents|media|workspace.*|sandbox.*|logs|memory|backups|clawback|node_modules|\..*)$/;

/** Conversations that a channel has bound to a session: its next message goes there. Expired ones count, too. */
export async function readBindings(evidence: EvidenceCollector): Promise<void> {
  for (const folder of await foldersIn(evidence.stateDir, evidence)) {
    const depth = folder === 'matrix' ? MATRIX_DEPTH : USUAL_DEPTH;
    for (const path of await findBindings(join(evidence.stateDir, folder), depth, evidence)) {
      await readBindingFile(path, evidence);
    }
  }
}

async function readBindingFile(path: string, evidence: EvidenceCollector): Promise<void> {
  const content = await evidence.readJson(path);
  if (content === undefined) return;
  const bindings = isRecord(content) ? content.bindings : undefined;
  if (!Array.isArray(bindings) && !isRecord(bindings)) {
    evidence.addUnreadable(path, 'has no bindings');
    return;
  }
  for (const binding of Object.values(bindings).filter(isRecord)) {
    evidence.addKey(binding.targetSessionKey ?? binding.sessionKey, 'bound', path);
  }
}

async function findBindings(folder: string, depth: number, evidence: EvidenceCollector): Promise<string[]> {
  const entries = await listFolder(folder, evidence);
  const isCurrent = (name: string) => name === CURRENT && folder === join(evidence.stateDir, 'bindings');
  const files = entries
    .filter(({ name }) => THREADS.test(name) || isCurrent(name))
    .map(({ name }) => join(folder, name));
  if (depth <= 1) return files;
  const below = entries.filter((entry) => entry.isDirectory() && entry.name !== 'node_modules');
  const deeper = await Promise.all(
    below.map(({ name }) => findBindings(join(folder, name), depth - 1, evidence)),
  );
  return [...files, ...deeper.flat()];
}

async function foldersIn(stateDir: string, evidence: EvidenceCollector): Promise<string[]> {
  const entries = await listFolder(stateDir, evidence);
  const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
  return folders.map(({ name }) => name).filter((name) => !NOT_PLUGINS.test(name));
}

async function listFolder(folder: string, evidence: EvidenceCollector) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    // ENOTDIR: a link to a file.
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR')
      evidence.addUnreadable(folder, describe(error));
    return [];
  }
}
