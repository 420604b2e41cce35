import { randomUUID } from 'node:crypto';
import { link, lstat, mkdir, open, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import glob from 'fast-glob';
import { describe, errnoOf } from '../errors.ts';
import { type FileFolders, isMedia, pathOf } from '../manifest/file-place.ts';
import { isManifestFileName } from '../manifest/manifest.ts';
import { describeStats, type FileIdentity, sameIdentity } from '../scan/scan.ts';
import { rowSha256 } from '../sessions/canonical-json.ts';
import { syncDirectory } from '../sessions/sync-directory.ts';
import type { ArchivedFile } from '../ship/task.ts';
import { onFile } from '../system-error.ts';
import type { CommittedSession } from '../tombstone/committed.ts';
import type { LeftFile } from './left-file.ts';

const PREFIX = '.clawback-staged-';
const JOURNAL = 'journal.json';

/**
 * A folder inside of the sessions folder, which OpenClaw does not look into: archived files wait there until no
 * process can bring their row back. Each lies there under its own name, so the folder itself says where everything
 * belongs; the journal beside them says which archived generation they are of.
 */
export function makeStagingFolder(sessionsDir: string): string {
  return join(sessionsDir, `${PREFIX}${randomUUID()}`);
}

/** Where a file waits. */
export function stagedPath(folder: string, name: string): string {
  return join(folder, name);
}

/** Made durable before the first file moves: which sessions these are, and what row each of them had and has. */
export async function writeJournal(
  sessionsDir: string,
  folder: string,
  sessions: readonly CommittedSession[],
): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  const journal = {
    schema: 'clawback.staged/1',
    sessions: sessions.map(({ entry, files }) => ({
      archiveId: entry.archiveId,
      sessionKey: entry.sessionKey,
      rowSha256: entry.rowSha256,
      tombstoneSha256: entry.tombstone === null ? null : rowSha256(entry.tombstone),
      files: files.map(({ name, sha256 }) => ({ name, sha256 })),
    })),
  };
  const path = join(folder, JOURNAL);
  const file = await open(path, 'wx', 0o600);
  try {
    await onFile(path, async () => {
      await file.writeFile(`${JSON.stringify(journal, undefined, 2)}\n`);
      await file.sync();
    });
  } finally {
    await file.close();
  }
  await syncDirectory(folder);
  await syncDirectory(sessionsDir);
}

/** Moves a file out of OpenClaw's sight, if it is the one that was hashed. The result knows it by its new change time. */
export async function stageFile(
  folders: FileFolders,
  folder: string,
  file: ArchivedFile,
): Promise<ArchivedFile | LeftFile> {
  // An image stays: OpenClaw never makes it anew, and another conversation may show it.
  if (isMedia(file)) return file;
  const { name } = file;
  const changed = { name, why: 'it changed after it was archived', isFailure: false };
  const from = pathOf(file, folders);
  const to = stagedPath(folder, name);
  try {
    const before = describeStats(await lstat(from, { bigint: true }));
    if (!before.isPlain || !sameIdentity(before.identity, file.identity)) return changed;
    await rename(from, to);
    const { identity } = describeStats(await lstat(to, { bigint: true }));
    if (isSameContent(identity, file.identity)) return { ...file, identity };
    // Written to between the look and the move.
    await putBack(to, from, Date.now());
    return changed;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { name, why: 'it was gone already', isFailure: false };
    return { name, why: describe(error), isFailure: true };
  }
}

/** Returns the file as it is known again under its own name; undefined if it lies beside another one now. */
export async function unstageFile(
  folders: FileFolders,
  folder: string,
  file: ArchivedFile,
  nowMs: number,
): Promise<ArchivedFile | undefined> {
  if (isMedia(file)) return file;
  const to = pathOf(file, folders);
  if (!(await putBack(stagedPath(folder, file.name), to, nowMs))) return undefined;
  const { identity } = describeStats(await lstat(to, { bigint: true }));
  return isSameContent(identity, file.identity) ? { ...file, identity } : undefined;
}

/** A move changes the change time, and nothing else. */
function isSameContent(a: FileIdentity, b: FileIdentity): boolean {
  return sameIdentity({ ...a, ctimeNs: b.ctimeNs }, b);
}

/** Never over another file: beside it then, under the name that OpenClaw gives to transcripts that it has reset. */
async function putBack(from: string, to: string, nowMs: number): Promise<boolean> {
  for (let at = nowMs, path = to; ; at += 1) {
    if (await isGiven(from, path)) {
      await unlink(from);
      return path === to;
    }
    path = `${to}.reset.${new Date(at).toISOString().replaceAll(':', '-')}`;
  }
}

/** Also true for a name that it has already: whoever gave it died before he took the other one away. */
async function isGiven(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    const [a, b] = await Promise.all([lstat(from, { bigint: true }), lstat(to, { bigint: true })]);
    return a.dev === b.dev && a.ino === b.ino;
  }
}

/**
 * Gives every file that lies in a staging folder its place back and takes the folder away. What is not ours in it keeps it.
 * @param onStuck told of a file that cannot be put back, which keeps the folder too. @default throws it
 */
export async function closeStagingFolder(
  sessionsDir: string,
  folder: string,
  nowMs: number,
  onStuck: (name: string, error: unknown) => void = rethrow,
): Promise<void> {
  let isStuck = false;
  for (const staged of await listFiles(folder)) {
    if (!isOurs(staged)) continue;
    try {
      await putBack(join(folder, staged), join(sessionsDir, staged), nowMs);
    } catch (error) {
      onStuck(staged, error);
      isStuck = true;
    }
  }
  await syncDirectory(sessionsDir);
  if (isStuck) return;
  await rm(join(folder, JOURNAL), { force: true });
  try {
    await rmdir(folder);
  } catch (error) {
    const code = errnoOf(error);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error;
  }
}

function rethrow(_name: string, error: unknown): never {
  throw error;
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  } catch (error) {
    // Nothing had to wait, so it was never made.
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Gives every file that a process that died has staged its place back; what its run had begun, the next
 * run finishes from the manifest. Only the holder of the store's lock may call it.
 */
export async function putBackStaged(sessionsDir: string, nowMs: number): Promise<void> {
  const folders = await glob(`${PREFIX}*`, {
    cwd: sessionsDir,
    dot: true,
    onlyDirectories: true,
    followSymbolicLinks: false,
    absolute: true,
  });
  for (const folder of folders) await closeStagingFolder(sessionsDir, folder, nowMs);
}

/** Neither the journal nor what we cannot have put there. */
function isOurs(staged: string): boolean {
  return staged !== JOURNAL && isManifestFileName(staged);
}
