import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { localState, placeFile, setAside } from '../../src/restore/local-files.ts';
import { FILE } from '../support/manifests.ts';
import { sha256 } from '../support/sessions.ts';
import { NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const file = { ...FILE, name: 'a.jsonl', size: 12, sha256: sha256('conversation') };

describe('what stands under an archived name', () => {
  it.each([
    ['identical', 'conversation'],
    ['different', 'CONVERSATION'],
    ['different', 'conversation and more'],
    ['different', ''],
  ])('is %s if it says %j', async (state, content) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a.jsonl'), content);
    expect(await localState(join(folder, file.name), file)).toBe(state);
  });

  it('is absent, or different if it is no file at all', async () => {
    const folder = await temporaryFolder();
    expect(await localState(join(folder, file.name), file)).toBe('absent');
    await mkdir(join(folder, 'a.jsonl'));
    expect(await localState(join(folder, file.name), file)).toBe('different');
  });

  it('is different if it is a link, even to the same bytes', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'real'), 'conversation');
    await symlink('real', join(folder, 'a.jsonl'));
    expect(await localState(join(folder, file.name), file)).toBe('different');
  });
});

it('an archived name that a socket has by now is different', async () => {
  const folder = await temporaryFolder();
  const server = createServer().listen(join(folder, file.name));
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  expect(await localState(join(folder, file.name), { ...file, size: 0 })).toBe('different');
});

it('what comes and goes under an archived name while we look is one or the other, and no error', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, file.name);
  const states = new Set<string>();
  for (let round = 0; round < 300; round += 1) {
    writeFileSync(path, 'conversation');
    const looking = localState(path, file);
    // Some turns of the loop later, at another point of the look every time.
    for (let turns = round % 6; turns > 0; turns -= 1) await setImmediate();
    rmSync(path);
    states.add(await looking);
  }
  expect([...states].every((state) => state === 'absent' || state === 'identical')).toBe(true);
});

describe('putting a file into its place', () => {
  it('moves it there', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'staged'), 'conversation');
    await placeFile(join(folder, 'staged'), join(folder, 'a.jsonl'));
    expect(await readdir(folder)).toEqual(['a.jsonl']);
  });

  it.each([
    ['a file', (path: string) => writeFile(path, 'newer')],
    ['a folder', (path: string) => mkdir(path)],
    ['a dangling link', (path: string) => symlink('nowhere', path)],
  ])('never replaces %s that appeared meanwhile', async (_what, make) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'staged'), 'conversation');
    await make(join(folder, 'a.jsonl'));
    await expect(placeFile(join(folder, 'staged'), join(folder, 'a.jsonl'))).rejects.toMatchObject({
      code: 'restore-conflict',
    });
    expect(await readFile(join(folder, 'staged'), 'utf8')).toBe('conversation');
    expect((await readdir(folder)).sort()).toEqual(['a.jsonl', 'staged']);
  });
});

it('a file that is set aside keeps its bytes under a name that OpenClaw does not know', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'a.jsonl'), 'newer');
  const aside = await setAside(join(folder, 'a.jsonl'), folder, NOW_MS);
  expect(aside).toBe('a.jsonl.clawback-aside-2026-11-21T09-00-00.000Z');
  expect(await readFile(join(folder, aside), 'utf8')).toBe('newer');
  expect(await readdir(folder)).toEqual([aside]);
});
