import {
  chmod,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { describeSessionStore } from '../conformance/session-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ARCHIVE_ID = '20261120t040000z-0123abcd-0001.0';

const KEY = 'agent:main:slack:channel:c1';
const ROW: Row = { sessionId: 'a', updatedAt: 5 };

async function storeOf(text: string | Uint8Array = JSON.stringify({ [KEY]: ROW }, null, 2)) {
  const folder = await temporaryFolder();
  const path = join(folder, 'sessions.json');
  await writeFile(path, text, { mode: 0o600 });
  return { folder, path, store: new FileSessionStore(path) };
}

/** What a write would change. */
async function identityOf(path: string) {
  const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return { ino, size, mtimeNs, ctimeNs };
}

const trim = {
  sessionKey: KEY,
  archiveId: ARCHIVE_ID,
  expectSha256: rowSha256(ROW),
  replaceWith: { updatedAt: 0 },
};

describeSessionStore('file', async (rows) => {
  const { path, store } = await storeOf(JSON.stringify(Object.fromEntries(rows), null, 2));
  return {
    store,
    writeRow: async (sessionKey, row) => {
      const now = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
      if (row === null) delete now[sessionKey];
      else now[sessionKey] = row;
      await writeFile(path, JSON.stringify(now, null, 2));
    },
  };
});

describe('a commit', () => {
  it('writes the file that OpenClaw itself would write, and no other byte of it', async () => {
    const big = '"agent:main:big": { "n": 12345678901234567890, "x":1e400 }';
    const { path, store } = await storeOf(`{\n  "${KEY}": ${JSON.stringify(ROW)},\n  ${big}\n}`);
    await store.commit([trim]);
    expect(await readFile(path, 'utf8')).toBe(`{\n  "${KEY}": {\n    "updatedAt": 0\n  },\n  ${big}\n}`);
  });

  it.each([0o600, 0o640, 0o664, 0o400])('keeps the mode %o', async (mode) => {
    const { path, store } = await storeOf();
    await chmod(path, mode);
    await store.commit([trim]);
    expect((await stat(path)).mode & 0o7777).toBe(mode);
  });

  it('leaves no temporary file, whether it changes something or not', async () => {
    const { folder, store } = await storeOf();
    await store.commit([{ ...trim, archiveId: ARCHIVE_ID, expectSha256: 'f'.repeat(64) }]);
    await store.commit([trim]);
    expect(await readdir(folder)).toEqual(['sessions.json']);
  });

  it('that changes nothing does not even touch the file', async () => {
    const { path, store } = await storeOf();
    const before = await identityOf(path);
    await store.commit([{ ...trim, archiveId: ARCHIVE_ID, expectSha256: 'f'.repeat(64) }]);
    expect(await identityOf(path)).toEqual(before);
  });

  it('replaces the file in one step: who has it open still reads the old one whole', async () => {
    const { path, store } = await storeOf();
    const before = (await stat(path)).ino;
    await store.commit([trim]);
    expect((await stat(path)).ino).not.toBe(before);
  });

  it('counts entries that are no rows and leaves them alone', async () => {
    const { path, store } = await storeOf(`{"x":null,"y":[1],"z":"t","${KEY}":${JSON.stringify(ROW)}}`);
    expect(await store.read()).toMatchObject({ malformedRows: 3, rows: [{ sessionKey: KEY, row: ROW }] });
    await store.commit([
      trim,
      { sessionKey: 'x', archiveId: ARCHIVE_ID, expectSha256: null, replaceWith: {} },
    ]);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ x: null, y: [1], z: 't' });
  });
});

describe('a sessions.json that is not a plain file', () => {
  it('but a symbolic link is never read or written', async () => {
    const { folder, path, store } = await storeOf();
    await rename(path, join(folder, 'real.json'));
    await symlink('real.json', path);
    await expect(store.read()).rejects.toMatchObject({ code: 'store-not-regular' });
    await expect(store.commit([trim])).rejects.toMatchObject({ code: 'store-not-regular' });
    expect(JSON.parse(await readFile(join(folder, 'real.json'), 'utf8'))).toEqual({ [KEY]: ROW });
  });

  it('but one of several names is never written', async () => {
    const { folder, path, store } = await storeOf();
    await link(path, join(folder, 'other-name.json'));
    await expect(store.commit([trim])).rejects.toMatchObject({ code: 'store-not-regular' });
  });

  it('but a folder is refused', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'sessions.json'));
    const store = new FileSessionStore(join(folder, 'sessions.json'));
    await expect(store.read()).rejects.toMatchObject({ code: 'store-not-regular' });
  });

  it('or is not there at all is an error, never an empty store', async () => {
    const store = new FileSessionStore(join(await temporaryFolder(), 'sessions.json'));
    await expect(store.read()).rejects.toMatchObject({ code: 'store-unreadable' });
    await expect(store.commit([trim])).rejects.toMatchObject({ code: 'store-unreadable' });
  });
});

describe('a sessions.json that cannot be understood', () => {
  it.each([
    ['0 bytes', ''],
    ['a torn tail', '{"a": {"b"'],
    ['NUL bytes', '\0\0\0\0'],
    ['a BOM', '\ufeff{}'],
    ['two objects', '{}{}'],
    ['a byte that is not UTF-8', Buffer.from(`{"a":{"t":"\xff"}}`, 'latin1')],
    ['a torn UTF-8 character at its end', Buffer.from([0x7b, 0x7d, 0xe2, 0x82])],
  ])('because of %s stays as it is', async (_what, content) => {
    const { folder, path, store } = await storeOf(content);
    const before = await identityOf(path);
    await expect(store.read()).rejects.toMatchObject({ code: 'store-unreadable' });
    await expect(store.commit([trim])).rejects.toMatchObject({ code: 'store-unreadable' });
    const add = { sessionKey: 'new', archiveId: ARCHIVE_ID, expectSha256: null, replaceWith: {} };
    await expect(store.commit([add])).rejects.toMatchObject({ code: 'store-unreadable' });
    expect(await identityOf(path)).toEqual(before);
    expect(await readdir(folder)).toEqual(['sessions.json']);
  });

  it('because it was cut off after it was read is not written over', async () => {
    const { path, store } = await storeOf();
    await store.read();
    await truncate(path, 10);
    await expect(store.commit([trim])).rejects.toMatchObject({ code: 'store-unreadable' });
  });
});
