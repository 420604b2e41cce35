import { createHash } from 'node:crypto';
import { appendFile, chmod, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { proveSession } from '../../src/drill/prove-session.ts';
import type { ManifestFile, ManifestSession } from '../../src/manifest/manifest.ts';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TEXT = '{"type":"session","id":"s-1"}\n{"a":1}\n';
const MTIME_MS = 1_762_500_000_123.456;
const ROW = { sessionId: 's-1', updatedAt: 5 };

/** A restored session as its manifest has it. */
async function restored(more: Partial<ManifestFile> = {}) {
  const folder = await temporaryFolder();
  const path = join(folder, 's-1.jsonl');
  const file: ManifestFile = {
    name: 's-1.jsonl',
    kind: 'transcript',
    size: TEXT.length,
    sha256: createHash('sha256').update(TEXT).digest('hex'),
    mode: 0o640,
    mtimeMs: MTIME_MS,
    place: { frame: 0, offset: 0 },
    ...more,
  };
  await writeFile(path, TEXT);
  await chmod(path, 0o640);
  await utimes(path, MTIME_MS / 1000, MTIME_MS / 1000);
  const session: ManifestSession = {
    archiveId: '20261120t090000z-0000abcd-0001.0',
    sessionKey: 'agent:main:main',
    sessionId: 's-1',
    agentId: 'main',
    kind: 'other',
    protected: false,
    action: 'remove',
    lastActivityMs: null,
    row: ROW,
    rowSha256: rowSha256(ROW),
    tombstone: null,
    files: [file],
  };
  const whats = async (changed: Partial<ManifestSession> = {}) =>
    (await proveSession({ ...session, ...changed }, folder)).differences.map(({ what }) => what);
  return { folder, path, session, whats };
}

describe('a session that came back', () => {
  it('as it was recorded has no differences', async () => {
    const { session, folder } = await restored();
    expect(await proveSession(session, folder)).toEqual({ row: 'whole', differences: [], notes: [] });
  });

  it('without a file lacks it', async () => {
    const { path, whats } = await restored();
    await rm(path);
    expect(await whats()).toEqual(['missing']);
  });

  it('with a link in the place of a file lacks it too', async () => {
    const { path, whats } = await restored();
    await rm(path);
    await symlink('/etc/hostname', path);
    expect(await whats()).toEqual(['missing']);
  });

  it('longer than recorded differs in size and bytes', async () => {
    const { path, whats } = await restored();
    await appendFile(path, '{"b":2}\n');
    await utimes(path, MTIME_MS / 1000, MTIME_MS / 1000);
    expect(await whats()).toEqual(['size', 'sha256']);
  });

  it('with other bytes of the same length differs in these', async () => {
    const { path, whats } = await restored();
    await writeFile(path, TEXT.replace('"a":1', '"a":2'));
    await utimes(path, MTIME_MS / 1000, MTIME_MS / 1000);
    expect(await whats()).toEqual(['sha256']);
  });

  it('with another mode or time differs in these, by two microseconds already', async () => {
    const { path, whats } = await restored();
    await chmod(path, 0o600);
    await utimes(path, (MTIME_MS + 0.002) / 1000, (MTIME_MS + 0.002) / 1000);
    expect(await whats()).toEqual(['mode', 'mtime']);
  });

  it('is read although nobody was allowed to', async () => {
    const { path, whats } = await restored({ mode: 0o000 });
    await chmod(path, 0o000);
    expect(await whats()).toEqual([]);
    expect((await stat(path)).mode & 0o777).toBe(0o400);
  });

  it('with another row than was hashed differs in it', async () => {
    const { whats } = await restored();
    expect(await whats({ row: { ...ROW, updatedAt: 6 } })).toEqual(['row']);
    expect(await whats({ row: null })).toEqual(['row']);
    expect(await whats({ row: null, rowSha256: null, action: 'files' })).toEqual([]);
  });

  it('need not have the files that were not to be kept', async () => {
    const { path, whats } = await restored({ place: null });
    await rm(path);
    expect(await whats()).toEqual([]);
  });
});
