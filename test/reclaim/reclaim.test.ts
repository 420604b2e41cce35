import {
  appendFile,
  chmod,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reclaim } from '../../src/reclaim/reclaim.ts';
import { describeStats } from '../../src/scan/scan.ts';
import { Settled } from '../../src/settle/settled.ts';
import type { ArchivedFile } from '../../src/ship/task.ts';
import { Tombstoned } from '../../src/tombstone/tombstone-rows.ts';
import { attachmentId, writeMedia } from '../support/media.ts';
import { archivedOf, foldersOf, KEY, orphanEntry, sha256 } from '../support/sessions.ts';
import { DAY_MS, NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function archivedAt(path: string, kind: ArchivedFile['kind']): Promise<ArchivedFile> {
  const { identity } = describeStats(await lstat(path, { bigint: true }));
  return { kind, name: basename(path), identity, sha256: sha256(await readFile(path)) };
}

const NOBODY = 65_534;

function settled(folder: string, files: readonly ArchivedFile[]): Settled {
  const session = { entry: orphanEntry(), files };
  return Settled.atOnce(
    Tombstoned.withoutRows(foldersOf(folder), { ready: [session], done: [], abandoned: [] }),
  );
}

describe('reclaiming', () => {
  it('removes exactly the files that are named, and measures what that frees', async () => {
    const folder = await temporaryFolder();
    const files = [
      await archivedOf(folder, 'a.jsonl', 'x'.repeat(10_000)),
      await archivedOf(folder, 'b.jsonl', 'y'),
    ];
    await writeFile(join(folder, 'c.jsonl'), 'stays');
    const blocks =
      (await lstat(join(folder, 'a.jsonl'))).blocks + (await lstat(join(folder, 'b.jsonl'))).blocks;
    expect(await reclaim(settled(folder, files))).toEqual({
      files: 2,
      freedBytes: blocks * 512,
      left: [],
    });
    expect(await readdir(folder)).toEqual(['c.jsonl']);
  });

  it('does nothing for nothing', async () => {
    expect(await reclaim(settled('/nowhere', []))).toEqual({ files: 0, freedBytes: 0, left: [] });
  });

  const outside: Record<string, (path: string, folder: string) => Promise<void>> = {
    'was appended to': (path) => appendFile(path, 'more'),
    'was cut off': (path) => truncate(path, 1),
    'was written over with as many bytes': (path) => writeFile(path, 'CONTENT'),
    'got a new time': (path) => utimes(path, 1, 1),
    'was replaced by another file': async (path) => {
      await writeFile(`${path}.new`, 'content');
      await rename(`${path}.new`, path);
    },
    'was replaced by a link to itself elsewhere': async (path, folder) => {
      await rename(path, join(folder, 'moved'));
      await symlink('moved', path);
    },
    'got a second name': (path, folder) => link(path, join(folder, 'second')),
    'was replaced by a folder': async (path) => {
      await rm(path);
      await mkdir(path);
    },
  };

  it.each(Object.entries(outside))('leaves a file that %s since it was hashed', async (_what, happen) => {
    const folder = await temporaryFolder();
    const file = await archivedOf(folder, 'a.jsonl', 'content');
    const fine = await archivedOf(folder, 'b.jsonl', 'content');
    await happen(join(folder, 'a.jsonl'), folder);
    const before = (await readdir(folder)).filter((name) => name !== 'b.jsonl');
    const result = await reclaim(settled(folder, [file, fine]));
    expect(result).toMatchObject({
      files: 1,
      left: [{ name: 'a.jsonl', why: 'it changed after it was archived' }],
    });
    expect(await readdir(folder)).toEqual(before);
  });

  it('says that a file was gone already, and goes on with the next', async () => {
    const folder = await temporaryFolder();
    const gone = await archivedOf(folder, 'a.jsonl', 'x');
    const there = await archivedOf(folder, 'b.jsonl', 'x');
    await rm(join(folder, 'a.jsonl'));
    const result = await reclaim(settled(folder, [gone, there]));
    expect(result).toMatchObject({ files: 1, left: [{ name: 'a.jsonl', why: 'it was gone already' }] });
  });

  it('a file that is named twice is freed once', async () => {
    const folder = await temporaryFolder();
    const file = await archivedOf(folder, 'a.jsonl', 'x');
    expect(await reclaim(settled(folder, [file, file]))).toMatchObject({ files: 1 });
  });

  describe('an image', () => {
    async function withRecord(): Promise<{ record: string; settledImage: Settled; original: string }> {
      const folder = await temporaryFolder();
      const { mediaDir } = foldersOf(folder);
      const [record, original] = await writeMedia(mediaDir, NOW_MS, { n: 1, sessionKey: 'k', ageMs: 0 });
      const { identity } = describeStats(await lstat(original, { bigint: true }));
      const image = { kind: 'media-original', name: basename(original), identity, sha256: '' } as const;
      return { record, original, settledImage: settled(folder, [image]) };
    }

    it('stays while there is a record that cannot be read: it may name it', async () => {
      const { record, original, settledImage } = await withRecord();
      await chmod(record, 0);
      // Root reads everything.
      if (process.getuid?.() === 0) {
        const outgoing = dirname(dirname(record));
        for (const folder of [dirname(record), outgoing, dirname(outgoing), dirname(dirname(outgoing))])
          await chmod(folder, 0o755);
        process.seteuid?.(NOBODY);
      }
      try {
        expect(await reclaim(settledImage)).toMatchObject({
          files: 0,
          left: [
            { why: expect.stringMatching(/^another attachment record may name it: EACCES/), isFailure: true },
          ],
        });
      } finally {
        if (process.getuid?.() === 0) process.seteuid?.(0);
      }
      await lstat(original);
    });
  });
});

describe('an image that another attachment record may name', () => {
  const image = 'shared.png';

  /** Of a conversation that goes; its record and its image, as they were archived. */
  async function archivedImage() {
    const folder = await temporaryFolder();
    const { mediaDir } = foldersOf(folder);
    const [record, original] = await writeMedia(mediaDir, NOW_MS, {
      n: 1,
      sessionKey: KEY,
      ageMs: DAY_MS,
      image,
    });
    const files = [await archivedAt(record, 'media-record'), await archivedAt(original, 'media-original')];
    return { folder, mediaDir, files };
  }

  it('stays while the record of another conversation names it', async () => {
    const { folder, mediaDir, files } = await archivedImage();
    await writeMedia(mediaDir, NOW_MS, { n: 2, sessionKey: 'agent:main:other', ageMs: DAY_MS, image });
    const original = await archivedAt(join(mediaDir, 'originals', image), 'media-original');
    const result = await reclaim(settled(folder, [...files.slice(0, 1), original]));
    expect(result).toMatchObject({ files: 1, left: [{ why: 'another attachment record names it' }] });
    expect(await readdir(join(mediaDir, 'originals'))).toEqual([image]);
  });

  it('goes with the last record', async () => {
    const { folder, mediaDir, files } = await archivedImage();
    expect(await reclaim(settled(folder, files))).toMatchObject({ files: 2, left: [] });
    expect(await readdir(join(mediaDir, 'originals'))).toEqual([]);
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['being written at this moment', (path) => writeFile(path, '{\n  "attachmentId": "a0')],
    ['empty', (path) => writeFile(path, '')],
    [
      'larger than any that OpenClaw writes',
      (path) => writeFile(path, JSON.stringify({ x: 'x'.repeat(70_000) })),
    ],
    ['a link', (path) => symlink('/nowhere', path)],
    ['a folder', (path) => mkdir(path)],
  ])('stays where one is %s: nobody knows what it names', async (_what, make) => {
    const { folder, mediaDir, files } = await archivedImage();
    await make(join(mediaDir, 'records', `${attachmentId(2)}.json`));
    expect(await reclaim(settled(folder, files))).toMatchObject({
      files: 1,
      left: [{ name: `media/outgoing/originals/${image}`, isFailure: false }],
    });
    expect(await readdir(join(mediaDir, 'originals'))).toEqual([image]);
  });
});
