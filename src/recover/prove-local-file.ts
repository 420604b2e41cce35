import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { errnoOf } from '../errors.ts';
import type { ManifestFile } from '../manifest/manifest.ts';
import { describeStats } from '../scan/scan.ts';
import type { ArchivedFile } from '../ship/task.ts';
import { naming } from '../system-error.ts';

/**
 * The file at `path` if it holds, byte for byte, what the manifest says; undefined for anything else. That includes a
 * file that cannot be read: it stays, and whoever archives it anew says why it cannot.
 */
export async function proveLocalFile(
  path: string,
  expected: ManifestFile,
): Promise<ArchivedFile | undefined> {
  try {
    return await prove(path, expected);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

async function prove(path: string, expected: ManifestFile): Promise<ArchivedFile | undefined> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const before = describeStats(await handle.stat({ bigint: true }));
    if (!before.isPlain || before.sizeBytes !== expected.size) return undefined;
    const hash = createHash('sha256');
    for await (const chunk of createReadStream('', { fd: handle.fd, autoClose: false, start: 0 }))
      hash.update(chunk as Buffer);
    const sha256 = hash.digest('hex');
    return sha256 === expected.sha256
      ? { kind: expected.kind, name: expected.name, identity: before.identity, sha256 }
      : undefined;
  } catch (error) {
    throw naming(path, error);
  } finally {
    await handle.close();
  }
}
