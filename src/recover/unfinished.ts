import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';
import type { Manifest, ManifestFile } from '../manifest/manifest.ts';
import { describeStats } from '../scan/scan.ts';
import type { ArchivedFile } from '../ship/task.ts';
import type { CommittedSession } from '../tombstone/committed.ts';

/**
 * The sessions of a manifest whose run died before it could catalogue it, with those of their files that
 * are still here. Each file is hashed again: what differs from the manifest is not in the list, and stays.
 */
export async function unfinishedSessions(
  manifest: Manifest,
  sessionsDir: string,
): Promise<CommittedSession[]> {
  const sessions: CommittedSession[] = [];
  for (const { files, ...entry } of manifest.sessions) {
    const here: ArchivedFile[] = [];
    for (const file of files) {
      const found = await proveFile(join(sessionsDir, file.name), file);
      if (found !== undefined) here.push(found);
    }
    sessions.push({ entry, files: here });
  }
  return sessions;
}

async function proveFile(path: string, expected: ManifestFile): Promise<ArchivedFile | undefined> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ELOOP') return undefined;
    throw error;
  }
  try {
    const before = describeStats(await handle.stat({ bigint: true }));
    if (!before.isPlain || before.sizeBytes !== expected.size) return undefined;
    const hash = createHash('sha256');
    for await (const chunk of createReadStream('', { fd: handle.fd, autoClose: false, start: 0 }))
      hash.update(chunk as Buffer);
    const sha256 = hash.digest('hex');
    return sha256 === expected.sha256
      ? { name: expected.name, identity: before.identity, sha256 }
      : undefined;
  } finally {
    await handle.close();
  }
}
