import { link, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { placeName } from '../../src/manifest/file-place.ts';
import { isArchivable } from '../../src/scan/file-kind.ts';
import { isHarmlessRecord, type Media, namedOriginals, scanMedia } from '../../src/scan/scan-media.ts';
import { attachmentId, type SentImage, writeMedia } from '../support/media.ts';
import { DAY_MS, NOW_MS, STORE } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'agent:main:slack:channel:c1';
const SENT: SentImage = { n: 1, sessionKey: KEY, ageMs: DAY_MS };

let state: string;
let mediaDir: string;
beforeEach(async () => {
  state = await temporaryFolder();
  mediaDir = join(state, 'media', 'outgoing');
});

const write = (changes: Partial<SentImage> = {}) => writeMedia(mediaDir, NOW_MS, { ...SENT, ...changes });
const scanned = (owned: readonly string[] = [KEY], agentId = 'main') =>
  scanMedia({ ...STORE, agentId, mediaDir }, (key) => owned.includes(key));
const namesOf = ({ byKey }: Media, key = KEY) =>
  (byKey.get(key) ?? []).flatMap(({ kind, name }) => (isArchivable(kind) ? [placeName({ kind, name })] : []));
const record = (n: number) => `media/outgoing/records/${attachmentId(n)}.json`;
const image = (n: number) => `media/outgoing/originals/generated-image-1---${attachmentId(n)}.png`;

describe('the images of a conversation', () => {
  it('are its records, each with the image that it names', async () => {
    await write();
    await write({ n: 2 });
    await write({ n: 3, sessionKey: 'agent:main:other' });
    const media = await scanned();
    expect(namesOf(media)).toEqual([record(1), image(1), record(2), image(2)]);
    expect([...media.byKey.keys()]).toEqual([KEY]);
    expect(media.left).toEqual([]);
  });

  it('are there once where two records name the same', async () => {
    await write({ image: 'x.png' });
    await write({ n: 2, image: 'x.png' });
    expect(namesOf(await scanned())).toEqual([record(1), 'media/outgoing/originals/x.png', record(2)]);
  });

  it('may be gone already: the record is left of it', async () => {
    const [, original] = await write();
    await rm(original);
    expect(namesOf(await scanned())).toEqual([record(1)]);
  });

  it('are found where a container spells the folder by another root', async () => {
    const path = `/home/node/.openclaw/media/outgoing/originals/generated-image-1---${attachmentId(1)}.png`;
    await write({ fields: { original: { path } } });
    expect(namesOf(await scanned())).toEqual([record(1), image(1)]);
  });

  it('that no message holds yet are left to OpenClaw, which removes them after a while', async () => {
    await write({ fields: { messageId: null, retentionClass: 'transient' } });
    expect(namesOf(await scanned())).toEqual([]);
  });

  it('of the key `global` are those of the own agent', async () => {
    await write({ sessionKey: 'global', fields: { agentId: 'main' } });
    expect(namesOf(await scanned(['global']), 'global')).toEqual([record(1), image(1)]);
    expect(namesOf(await scanned(['global'], 'other'), 'global')).toEqual([]);
  });

  it('are none where OpenClaw never sent one', async () => {
    const none = { byKey: new Map(), originals: new Map(), left: [] };
    expect(await scanned()).toEqual(none);
    await mkdir(mediaDir, { recursive: true });
    expect(await scanned()).toEqual(none);
  });
});

describe('a record that OpenClaw would not have written is left alone, with the reason', () => {
  const elsewhere = (path: string) => write({ fields: { original: { path } } });
  const rewrite = async (text: string) => writeFile((await write())[0], text);
  it.each<[string, Media['left'][number]['reason'], () => Promise<unknown>]>([
    ['names a file outside', 'media-elsewhere', () => elsewhere('/etc/passwd')],
    ['leads out', 'media-elsewhere', () => elsewhere(`${join(mediaDir, 'originals')}/../../x`)],
    ['leads out by a roundabout way', 'media-elsewhere', () => elsewhere('/a/../media/outgoing/originals/x')],
    ['names the folder itself', 'media-elsewhere', () => elsewhere(join(mediaDir, 'originals'))],
    ['names a relative path', 'media-elsewhere', () => elsewhere('../../x')],
    ['names no image', 'media-unreadable', () => write({ fields: { original: null } })],
    ['has the id of another', 'media-unreadable', () => write({ fields: { attachmentId: attachmentId(2) } })],
    ['has no key', 'media-unreadable', () => write({ fields: { sessionKey: 5 } })],
    ['is not JSON', 'media-unreadable', () => rewrite('{"attachmentId":')],
    ['is no object', 'media-unreadable', () => rewrite('null')],
    ['is huge', 'media-unreadable', () => write({ fields: { alt: 'x'.repeat(100_000) } })],
    [
      'has a name that is no id',
      'media-unreadable',
      async () => rename((await write())[0], join(mediaDir, 'records', 'x.json')),
    ],
    [
      'is a link',
      'media-not-plain',
      async () => {
        const [path] = await write();
        await rename(path, join(state, 'victim.json'));
        await symlink(join(state, 'victim.json'), path);
      },
    ],
    [
      'has a second name',
      'media-not-plain',
      async () => link((await write())[0], join(mediaDir, 'records', 'second-name')),
    ],
    [
      'names a link',
      'media-not-plain',
      async () => {
        const [, original] = await write();
        await rename(original, join(state, 'victim'));
        await symlink(join(state, 'victim'), original);
      },
    ],
  ])('if it %s', async (_what, reason, make) => {
    await make();
    const media = await scanned();
    expect(namesOf(media)).toEqual([]);
    expect(media.left.map((one) => one.reason)).toEqual([reason]);
    expect(media.left[0]?.name).toMatch(/^media\/outgoing\/records\//);
  });

  it.each(['media', 'media/outgoing', 'media/outgoing/records', 'media/outgoing/originals'])(
    'as is everything behind a link in the place of %s',
    async (folder) => {
      await write();
      await rename(join(state, folder), join(state, 'moved'));
      await symlink(join(state, 'moved'), join(state, folder));
      expect(await scanned()).toEqual({
        byKey: new Map(),
        originals: new Map(),
        left: [{ name: folder, reason: 'media-not-plain' }],
      });
    },
  );
});

it('a folder that cannot be looked into is not an empty one', async () => {
  const store = { ...STORE, mediaDir: join(state, 'x'.repeat(300), 'outgoing') };
  await expect(scanMedia(store, () => true)).rejects.toMatchObject({ code: 'store-unreadable' });
});

it('an image counts as named by any record, whoever wrote it, until the last is gone', async () => {
  const [first] = await write({ image: 'x.png' });
  const [second] = await write({ n: 2, sessionKey: 'agent:main:other', image: 'x.png' });
  await rm(first);
  expect([...((await namedOriginals(mediaDir)) ?? ['unknown'])]).toEqual(['x.png']);
  await rm(second);
  expect([...((await namedOriginals(mediaDir)) ?? ['unknown'])]).toEqual([]);
});

it('a record out of an archive is harmless only as one of the session whose image lies in the folder', async () => {
  const [path] = await write();
  const name = `${attachmentId(1)}.json`;
  expect(await isHarmlessRecord(path, name, { sessionKey: KEY, mediaDir })).toBe(true);
  expect(await isHarmlessRecord(path, name, { sessionKey: 'agent:main:other', mediaDir })).toBe(false);
  expect(await isHarmlessRecord(path, name, { sessionKey: null, mediaDir })).toBe(false);
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(/"path": "[^"]*"/, '"path": "/etc/passwd"'));
  expect(await isHarmlessRecord(path, name, { sessionKey: KEY, mediaDir })).toBe(false);
});
