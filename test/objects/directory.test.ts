import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DirectoryObjectStore } from '../../src/objects/directory.ts';
import { describeObjectStore, expectCode, keysOf } from '../conformance/object-store.ts';

const MiB = 1 << 20;

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'clawback-directory-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The archive's folder is not there yet, as on a first run. */
async function openFresh() {
  const folder = await temporaryFolder();
  const root = join(folder, 'some', 'archive');
  return { folder, root, store: DirectoryObjectStore.open(pathToFileURL(root).href) };
}

describeObjectStore('directory', { open: async () => (await openFresh()).store });

describeObjectStore('directory without hard links', {
  open: async () =>
    new DirectoryObjectStore('file:///x', join(await temporaryFolder(), 'a'), { hardLinks: false }),
});

async function allNames(root: string): Promise<string[]> {
  return (await readdir(root, { recursive: true })).sort();
}

describe('a directory archive', () => {
  test('keeps each object as a plain file under its key, for its owner alone', async () => {
    const { root, store } = await openFresh();
    await store.put('inst/packs/1.tar.zst', Buffer.from('pack'));
    expect(await readFile(join(root, 'inst/packs/1.tar.zst'), 'utf8')).toBe('pack');
    expect((await stat(join(root, 'inst/packs/1.tar.zst'))).mode & 0o777).toBe(0o600);
    for (const folder of ['', 'inst', 'inst/packs']) {
      expect((await stat(join(root, folder))).mode & 0o777, folder).toBe(0o700);
    }
    expect(await allNames(root)).toEqual(['inst', 'inst/packs', 'inst/packs/1.tar.zst']);
  });

  test('leaves no temporary files, whatever became of the write', async () => {
    const { root, store } = await openFresh();
    await store.put('a/1', Buffer.from('one'));
    await store.put('a/1', Buffer.from('one'));
    await expectCode(store.put('a/1', Buffer.from('two')), 'object-exists');
    await expectCode(store.put('a/1/b', Buffer.from('two')), 'object-invalid-key');
    expect(await allNames(root)).toEqual(['a', 'a/1']);
  });

  test('says which key is in the way where an object and a folder would share a name', async () => {
    const { store } = await openFresh();
    await store.put('a/b/c', Buffer.from('x'));
    await expectCode(store.put('a/b', Buffer.from('x')), 'object-invalid-key');
    await expectCode(store.put('a/b/c/d', Buffer.from('x')), 'object-invalid-key');
    await store.delete('a/b');
    expect(await keysOf(store, '')).toEqual(['a/b/c']);
  });

  test('refuses a part of a key that is too long for a file name', async () => {
    const { store } = await openFresh();
    await expectCode(store.put(`a/${'k'.repeat(300)}`, Buffer.from('x')), 'object-invalid-key');
    await store.put(`a/${'k'.repeat(230)}`, Buffer.from('x'));
    expect(await keysOf(store, 'a/')).toEqual([`a/${'k'.repeat(230)}`]);
  });

  test('finds a file that was cut short on the disk', async () => {
    const { root, store } = await openFresh();
    await store.put('a', Buffer.from('0123456789'));
    await truncate(join(root, 'a'), 4);
    await expectCode(store.get('a', { offset: 0, length: 10 }), 'object-corrupt');
    await expectCode(store.put('a', Buffer.from('0123456789')), 'object-exists');
  });

  test('may itself be reached through a symbolic link', async () => {
    const { folder, store } = await openFresh();
    await store.put('a/1', Buffer.from('x'));
    await symlink(join(folder, 'some', 'archive'), join(folder, 'link'));
    const linked = DirectoryObjectStore.open(pathToFileURL(join(folder, 'link')).href);
    await linked.put('a/2', Buffer.from('y'));
    expect(await keysOf(store, '')).toEqual(['a/1', 'a/2']);
  });

  test('neither follows nor passes over a symbolic link inside', async () => {
    const { folder, root, store } = await openFresh();
    await mkdir(join(folder, 'outside'));
    await writeFile(join(folder, 'outside', 'secret'), 'secret');
    await store.put('a/1', Buffer.from('x'));
    await symlink(join(folder, 'outside'), join(root, 'folder'));
    await symlink(join(folder, 'outside', 'secret'), join(root, 'file'));
    await symlink(join(folder, 'nowhere'), join(root, 'dangling'));
    for (const key of ['folder/secret', 'folder/new', 'file', 'dangling']) {
      await expectCode(store.get(key), 'archive-io');
      await expectCode(store.stat(key), 'archive-io');
      await expectCode(store.put(key, Buffer.from('secret')), 'archive-io');
      await expectCode(store.delete(key), 'archive-io');
    }
    await expectCode(keysOf(store, ''), 'archive-io');
    await expectCode(keysOf(store, 'folder/'), 'archive-io');
    expect(await keysOf(store, 'a/')).toEqual(['a/1']);
    expect(await allNames(join(folder, 'outside'))).toEqual(['secret']);
  });

  test.skipIf(process.platform === 'win32')('refuses a fifo at once instead of waiting for it', async () => {
    const { root, store } = await openFresh();
    await store.put('a/1', Buffer.from('x'));
    execFileSync('mkfifo', [join(root, 'a', 'pipe')]);
    await expectCode(store.get('a/pipe'), 'archive-io');
    await expectCode(store.put('a/pipe', Buffer.from('x')), 'archive-io');
    await expectCode(keysOf(store, 'a/'), 'archive-io');
  });

  test('passes over names that no key can have', async () => {
    const { root, store } = await openFresh();
    await store.put('a/1', Buffer.from('x'));
    await writeFile(join(root, 'README'), 'hello');
    await writeFile(join(root, 'a', '.DS_Store'), 'x');
    await mkdir(join(root, 'lost+found'));
    expect(await keysOf(store, '')).toEqual(['a/1']);
  });

  test('is not empty but broken where its root is a file or a link to nowhere', async () => {
    const { folder } = await openFresh();
    await writeFile(join(folder, 'file'), 'x');
    await symlink(join(folder, 'not-mounted'), join(folder, 'link'));
    for (const name of ['file', 'link', 'file/inside']) {
      const store = DirectoryObjectStore.open(pathToFileURL(join(folder, name)).href);
      await expectCode(keysOf(store, ''), 'archive-io');
      await expectCode(keysOf(store, 'a/b/'), 'archive-io');
      await expectCode(store.put('a', Buffer.from('x')), 'archive-io');
    }
  });

  test.skipIf(process.getuid?.() === 0)('says access denied for a folder it may not read', async () => {
    const { root, store } = await openFresh();
    await store.put('a/1', Buffer.from('x'));
    await chmod(join(root, 'a'), 0);
    onTestFinished(() => chmod(join(root, 'a'), 0o700));
    await expectCode(keysOf(store, ''), 'archive-denied');
    await expectCode(store.get('a/1'), 'archive-denied');
    await expectCode(store.put('a/2', Buffer.from('x')), 'archive-denied');
  });

  test('keeps the temporaries of another instance when it clears its own', async () => {
    const { root, store } = await openFresh();
    const writers = ['one/packs/1', 'one/packs/2', 'two/packs/1'].map((key) => store.createWriter(key));
    for (const writer of writers) await writer.write(Buffer.alloc(MiB));
    expect(await store.abortStaleUploads('one/packs/2')).toBe(1);
    expect(await store.abortStaleUploads('one/')).toBe(1);
    expect((await allNames(root)).filter((name) => name.endsWith('.tmp'))).toHaveLength(1);
    for (const writer of writers) await writer.abort();
    expect(await allNames(root)).toEqual(['one', 'one/packs', 'two', 'two/packs']);
  });

  test.skipIf(process.platform !== 'linux')('says so at once where no folder can be made', async () => {
    const store = new DirectoryObjectStore('file:///proc/clawback', '/proc/clawback');
    await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject({
      code: expect.stringMatching(/^archive-/),
    });
  });

  test('says so when the disk is full or read-only, and stays as it was', async ({ skip }) => {
    const root = await temporaryFolder();
    const mount = (...args: string[]) => spawnSync('mount', args).status === 0;
    skip(!mount('-t', 'tmpfs', '-o', 'size=1m', 'clawback', root), 'only root can mount a small disk');
    onTestFinished(() => void spawnSync('umount', [root]));
    const store = new DirectoryObjectStore('file:///x', root);
    await store.put('a/1', Buffer.from('x'));
    const full = {
      code: 'archive-io',
      message: 'put object a/2: no space left',
      hint: expect.stringContaining(root),
    };
    await expect(store.put('a/2', Buffer.alloc(2 * MiB))).rejects.toMatchObject(full);
    expect(await allNames(root)).toEqual(['a', 'a/1']);
    await store.put('a/2', Buffer.from('y'));
    expect(mount('-o', 'remount,ro', root)).toBe(true);
    await expectCode(store.put('a/3', Buffer.from('z')), 'archive-io');
    await expectCode(store.delete('a/1'), 'archive-io');
    expect(await keysOf(store, '')).toEqual(['a/1', 'a/2']);
  });

  test('refuses URLs that name no folder of its own', () => {
    for (const url of [
      'file:///',
      'file://host/share',
      'file:relative',
      'file:///a?b',
      'file:///a%2fb',
      's3://bucket',
    ]) {
      expect(() => DirectoryObjectStore.open(url), url).toThrow(
        expect.objectContaining({ code: 'config-invalid' }),
      );
    }
  });
});
