import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import { link, mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { StoreLock } from '../../src/state/store-lock.ts';
import { runCli } from '../support/run-cli.ts';
import type { ArchiveJson, ErrorJson, ListJson } from './support/answers.ts';
import { Home } from './support/home.ts';
import { listenAsGateway } from './support/mute-gateway.ts';
import { writeThreadStore } from './support/rooms.ts';
import { fingerprint } from './support/tree.ts';
import { oldThread, oldThreadHome, trimmedHome } from './support/trimmed.ts';

describe('while a gateway runs', () => {
  test('what reads only works: status, dry runs, list, cat and restore --to', async () => {
    const { home, key } = await trimmedHome();
    await home.configureOpenClaw({ gateway: { mode: 'local', port: await listenAsGateway() } });
    for (const argv of [
      ['status'],
      ['archive', '--dry-run'],
      ['list'],
      ['cat', key],
      ['verify', '--read-data'],
      ['restore', key, '--dry-run'],
      ['restore', key, '--to', join(home.root, 'elsewhere')],
    ]) {
      (await home.clawback(...argv)).expect(0);
    }
  });

  test('archive and in-place restore work beside it, watch what they changed, and say so', async () => {
    const home = await oldThreadHome();
    await home.configureOpenClaw({ gateway: { mode: 'local', port: await listenAsGateway() } });
    const before = await readdir(home.sessionsDir());
    const { text } = (await home.clawback('archive')).expect(0);
    expect(text).toMatch(/1 +protected rows trimmed.*beside the gateway.*openclaw plugins install/s);
    const trimmed = await home.rows();
    const key = Object.keys(trimmed)[0] ?? '';
    expect((await readdir(home.sessionsDir())).sort()).toEqual(
      ['sessions.json', trimmed[key]?.sessionFile].sort(),
    );
    const { row } = await home.json<{ row: string }>('restore', key);
    expect([row, (await home.rows())[key]?.sessionId]).toEqual(['restored', 's-1']);
    expect((await readdir(home.sessionsDir())).sort()).toEqual(before.sort());
  });

  test('its lock file is enough, as long as its process lives', async () => {
    const home = await oldThreadHome(Date.now());
    const configPath = join(home.stateDir, 'openclaw.json');
    const folder = join(home.env.TMPDIR ?? '', `openclaw-${process.getuid?.() ?? ''}`.replace(/-$/, ''));
    const hash = createHash('sha256').update(configPath).digest('hex').slice(0, 8);
    await mkdir(folder, { recursive: true });
    const lockFile = join(folder, `gateway.${hash}.lock`);
    const hold = (pid: number) =>
      writeFile(lockFile, JSON.stringify({ pid, createdAt: new Date().toISOString(), configPath }));
    vi.stubEnv('TMPDIR', home.env.TMPDIR);
    onTestFinished(() => void vi.unstubAllEnvs());
    await hold(process.pid);
    expect(await home.json('archive')).toMatchObject({
      road: { name: 'outside' },
      done: { protectedRowsTrimmed: 1 },
    });
    // A gateway that crashed: no process has this number.
    await hold(2 ** 22 + 1);
    expect(await home.json('archive')).toMatchObject({ road: { name: 'direct' } });
  });
});

describe('an agent that has moved to SQLite', () => {
  test('is skipped with a line, and the others are done', async () => {
    const home = await oldThreadHome();
    await writeThreadStore(home.storePath('moved'), { moved: [oldThread(home, 's-2')] });
    await mkdir(join(home.stateDir, 'agents', 'moved', 'session-sqlite-import-archive'));
    const before = await fingerprint(home.sessionsDir('moved'));
    const { text } = (await home.clawback('archive')).expect(0);
    expect(text).toMatch(/^agent moved skipped: .*session-sqlite-import-archive exists$/m);
    expect(text).toMatch(/^ +1 {2}protected rows trimmed/m);
    expect(await fingerprint(home.sessionsDir('moved'))).toEqual(before);
    const { skippedStores } = await home.json<ArchiveJson>('archive');
    expect(skippedStores).toMatchObject([{ id: 'moved', state: 'migrated' }]);
  });

  test('is exit code 1 if it is the only one', async () => {
    const home = await oldThreadHome();
    await mkdir(join(home.stateDir, 'agents', 'main', 'session-sqlite-import-archive'));
    const before = await fingerprint(home.root);
    const result = (await home.clawback('archive', '--json')).expect(1);
    expect(result.json<ErrorJson>()).toMatchObject({ code: 'store-migrated' });
    expect(result.stderr).toContain('agent main');
    expect(await fingerprint(home.root)).toEqual(before);
  });
});

describe('a sessions.json that is not what it should be is never written', () => {
  const valid = '{"agent:main:main":{"sessionId":"s"}}';
  test.each<[string, string | Uint8Array]>([
    ['an empty file', ''],
    ['a torn file', valid.slice(0, -8)],
    ['two objects in a row', `${valid}${valid}`],
    ['an array', '[]'],
    ['a string', '"sessions"'],
    ['null', 'null'],
    ['a byte order mark', `\uFEFF${valid}`],
    ['a comment', `// rows\n${valid}`],
    ['broken UTF-8', Buffer.from([...Buffer.from('{"agent:main:'), 0xff, ...Buffer.from('":{}}')])],
    ['the same key twice', '{"agent:main:main":{"sessionId":"a"},"agent:main:main":{"sessionId":"b"}}'],
  ])('%s', async (_what, content) => {
    const home = await oldThreadHome();
    await writeFile(home.storePath(), content);
    const before = await fingerprint(home.sessionsDir());
    const result = (await home.clawback('archive', '--json')).expect(1);
    expect(result.json<ErrorJson>()).toMatchObject({
      code: 'store-unreadable',
      message: expect.stringContaining(home.storePath()),
      hint: expect.stringContaining('nothing was written'),
    });
    expect(await fingerprint(home.sessionsDir())).toEqual(before);
  });

  test('restore refuses it too', async () => {
    const { home, key } = await trimmedHome();
    await writeFile(home.storePath(), '');
    const before = await fingerprint(home.sessionsDir());
    const result = (await home.clawback('restore', key, '--json')).expect(1);
    expect(result.json<ErrorJson>().code).toBe('store-unreadable');
    expect(await fingerprint(home.sessionsDir())).toEqual(before);
  });

  test.each<[string, (from: string, to: string) => Promise<void>]>([
    ['a symbolic link', symlink],
    ['one of two names of a file', link],
  ])('%s', async (_what, makeLink) => {
    const home = await oldThreadHome();
    const elsewhere = join(home.root, 'elsewhere.json');
    await rename(home.storePath(), elsewhere);
    await makeLink(elsewhere, home.storePath());
    const before = await fingerprint(home.root);
    const result = (await home.clawback('archive', '--json')).expect(1);
    expect(result.json<ErrorJson>()).toMatchObject({
      code: 'store-not-regular',
      message: expect.stringContaining(home.storePath()),
    });
    expect((await fingerprint(home.root)).filter((line) => line.includes('sessions'))).toEqual(
      before.filter((line) => line.includes('sessions')),
    );
    expect(await readFile(elsewhere, 'utf8')).toContain('"sessionId": "s-1"');
  });
});

describe('a second clawback on the same store', () => {
  test.each([['archive'], ['restore']])('%s leaves at once and names the holder', async (verb) => {
    const { home, key } = await trimmedHome();
    const lock = await StoreLock.acquire(home.sessionsDir(), 'clawback archive', home.nowMs);
    const before = await fingerprint(join(home.stateDir, 'agents'));
    const argv = verb === 'restore' ? [verb, key, '--json'] : [verb, '--json'];
    const result = (await home.clawback(...argv)).expect(1);
    expect(result.json<ErrorJson>()).toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`held by clawback archive, process ${process.pid} on `),
      hint: expect.stringContaining('.clawback.lock'),
    });
    expect(await fingerprint(join(home.stateDir, 'agents'))).toEqual(before);
    await lock.release();
    (await home.clawback(...argv)).expect(0);
  });

  test('a dry run needs no lock', async () => {
    const home = await oldThreadHome();
    const lock = await StoreLock.acquire(home.sessionsDir(), 'clawback archive', home.nowMs);
    (await home.clawback('archive', '--dry-run')).expect(0);
    await lock.release();
  });

  test('a lock that a killed run left is taken over', async () => {
    const home = await oldThreadHome();
    const lock = await StoreLock.acquire(home.sessionsDir(), 'clawback archive', home.nowMs);
    const path = join(home.sessionsDir(), '.clawback.lock');
    const left = (await readFile(path, 'utf8')).replace(`"pid":${process.pid}`, `"pid":${2 ** 22 + 1}`);
    await lock.release();
    await writeFile(path, left);
    const { done } = await home.json<ArchiveJson>('archive');
    expect(done.protectedRowsTrimmed).toBe(1);
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a run that is stopped by its user', () => {
  test.each([['before it begins'], ['while it holds the lock']])(
    '%s: exit code 130, nothing lost',
    async (when) => {
      const home = await oldThreadHome();
      const before = await fingerprint(home.sessionsDir());
      const interrupt = new AbortController();
      if (when === 'before it begins') interrupt.abort();
      else stopAtLock(home, interrupt);
      const { env, nowMs } = home;
      const result = await runCli(['archive', '--json'], { env, nowMs, signal: interrupt.signal });
      expect(interrupt.signal.aborted).toBe(true);
      result.expect(130);
      expect(await fingerprint(home.sessionsDir())).toEqual(before);
      const { done } = await home.json<ArchiveJson>('archive');
      expect(done.protectedRowsTrimmed).toBe(1);
    },
  );

  /** Presses Ctrl-C when the run has made its lock. */
  function stopAtLock(home: Home, interrupt: AbortController): void {
    const watcher = watch(home.sessionsDir(), (_event, name) => {
      if (name === '.clawback.lock') interrupt.abort();
    });
    onTestFinished(() => watcher.close());
  }
});

test('restoring into an OpenClaw that has no such agent points to --to', async () => {
  const { home, key } = await trimmedHome();
  const other = await Home.create();
  const { instance } = await home.json<ListJson>('list');
  await other.configure({ archive: `file://${home.archiveDir}`, instance });
  const result = (await other.clawback('restore', key, '--json')).expect(1);
  expect(result.json<ErrorJson>()).toMatchObject({
    code: 'no-session-store',
    hint: expect.stringMatching(/--to|--state-dir/),
  });
  await other.json('restore', key, '--to', join(other.root, 'elsewhere'));
});
