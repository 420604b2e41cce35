import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, link, mkdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unfinishedSessions } from '../../src/recover/unfinished.ts';
import { shipBatch } from '../../src/ship/ship-batch.ts';
import { foldersOf, sha256, sourceOf } from '../support/sessions.ts';
import { contextOf, manifestIn, taskOf } from '../support/ship.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function committed() {
  const folder = await temporaryFolder();
  const context = await contextOf();
  const files = [
    await sourceOf(folder, 'a.jsonl', 'conversation'),
    await sourceOf(folder, 'b.jsonl', 'other'),
  ];
  await shipBatch(context, taskOf(folder, [files]));
  return { folder, files, manifest: await manifestIn(context) };
}

describe('a batch that was committed by a run that died', () => {
  it('is found whole, every file with its present identity', async () => {
    const { folder, files, manifest } = await committed();
    const [session] = await unfinishedSessions(manifest, foldersOf(folder), true);
    expect(session?.entry.archiveId).toBe(manifest.sessions[0]?.archiveId);
    expect(session?.entry).not.toHaveProperty('files');
    expect(session?.files).toEqual(
      files.map(({ kind, name, identity }, n) => ({
        kind,
        name,
        identity,
        sha256: sha256(['conversation', 'other'][n] ?? ''),
      })),
    );
  });

  it('may name a file that is the same although its time and place on the disk are others', async () => {
    const { folder, manifest } = await committed();
    await rm(join(folder, 'a.jsonl'));
    await writeFile(join(folder, 'a.jsonl'), 'conversation');
    await utimes(join(folder, 'a.jsonl'), 1, 1);
    const [session] = await unfinishedSessions(manifest, foldersOf(folder), true);
    expect(session?.files.map(({ name }) => name)).toEqual(['a.jsonl', 'b.jsonl']);
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['is gone', (path) => rm(path)],
    ['grew', (path) => appendFile(path, 'x')],
    ['shrank', (path) => truncate(path, 3)],
    ['says something else of the same length', (path) => writeFile(path, 'CONVERSATION')],
    ['has a second name', (path) => link(path, `${path}.second`)],
    [
      'is a link',
      async (path) => {
        await rename(path, `${path}.real`);
        await symlink(`${path}.real`, path);
      },
    ],
    [
      'is a folder',
      async (path) => {
        await rm(path);
        await mkdir(path);
      },
    ],
    [
      'is a pipe',
      async (path) => {
        await rm(path);
        execFileSync('mkfifo', [path]);
      },
    ],
    [
      'is a socket, which cannot be opened',
      async (path) => {
        await rm(path);
        const server = createServer().listen(path);
        await once(server, 'listening');
        onTestFinished(() => void server.close());
      },
    ],
  ])('leaves a file out that %s', async (_what, happen) => {
    const { folder, manifest } = await committed();
    await happen(join(folder, 'a.jsonl'));
    const [session] = await unfinishedSessions(manifest, foldersOf(folder), true);
    expect(session?.files.map(({ name }) => name)).toEqual(['b.jsonl']);
  });

  it('is found again without files once they are gone: finishing twice is finishing once', async () => {
    const { folder, manifest } = await committed();
    for (const name of ['a.jsonl', 'b.jsonl']) await rm(join(folder, name));
    expect((await unfinishedSessions(manifest, foldersOf(folder), true)).map(({ files }) => files)).toEqual([
      [],
    ]);
  });
});
