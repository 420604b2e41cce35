import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, link, mkdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unfinishedSessions } from '../../src/recover/unfinished.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { shipBatch } from '../../src/ship/ship-batch.ts';
import { tombstoneOf } from '../../src/tombstone/tombstone.ts';
import { entryOf, foldersOf, sessionOf, sha256, sourceOf } from '../support/sessions.ts';
import { contextOf, manifestIn, taskOf } from '../support/ship.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MODEL_RUN_KEY = 'agent:main:explicit:model-run-5f0e6f0e-0a1b-4c2d-8e3f-00000000000a';

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

  it('counts only with a tombstone that we would make of its row', async () => {
    const { folder, manifest } = await committed();
    const row = { sessionId: 'old', updatedAt: 1, deliveryContext: { channel: 'slack', to: 'channel:C1' } };
    const archiveId = manifest.sessions[0]?.archiveId ?? '';
    const own = tombstoneOf({ row, archiveId, sessionId: 'new', stubFile: 'new.jsonl' });
    const found = async (tombstone: Row) => {
      const sessions = [{ ...sessionOf(entryOf({ archiveId, row, tombstone })) }];
      return (await unfinishedSessions({ ...manifest, sessions }, foldersOf(folder), true)).length;
    };
    expect(await found(own)).toBe(1);
    expect(await found({ ...own, deliveryContext: { channel: 'slack', to: 'channel:EVIL' } })).toBe(0);
    expect(await found({ ...own, sessionFile: 'other.jsonl' })).toBe(0);
    expect(await found({ ...own, sessionId: '../x' })).toBe(0);
  });

  it.each([
    [0, 'a conversation, whatever is set for model runs', 'agent:main:slack:channel:c1', false],
    [0, 'a model run where they are kept now', MODEL_RUN_KEY, true],
    [1, 'a model run where they are not', MODEL_RUN_KEY, false],
  ])('has %d of the files whose bytes were not kept: of %s', async (count, _what, sessionKey, keep) => {
    const { folder, manifest } = await committed();
    const sessions = manifest.sessions.map((one) => ({
      ...one,
      sessionKey,
      files: one.files.slice(0, 1).map((file) => ({ ...file, place: null })),
    }));
    const [session] = await unfinishedSessions({ ...manifest, sessions }, foldersOf(folder), keep);
    expect(session?.files).toHaveLength(count);
  });
});
