import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LocalState } from '../../src/state/local-state.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('the name of an instance', () => {
  it('is unknown until it is made, and then the same for good', async () => {
    const stateDir = await temporaryFolder();
    const state = new LocalState(stateDir);
    expect(await state.instance()).toBeUndefined();
    expect(await readdir(stateDir)).toEqual([]);
    const made = await state.makeInstance();
    expect(made).toMatch(/^oc-[0-9a-f]{12}$/);
    expect(await state.makeInstance()).toBe(made);
    expect(await new LocalState(stateDir).instance()).toBe(made);
  });

  it('differs from one installation to the next', async () => {
    const names = [];
    for (let n = 0; n < 5; n += 1) names.push(await new LocalState(await temporaryFolder()).makeInstance());
    expect(new Set(names).size).toBe(5);
  });

  it('is the one that the operator wrote into the file', async () => {
    const state = new LocalState(await temporaryFolder());
    await mkdir(state.directory);
    await writeFile(join(state.directory, 'instance'), ' my-host \n');
    expect(await state.makeInstance()).toBe('my-host');
  });

  it.each(['../x', 'a/b', 'UPPER', 'x'.repeat(99)])('is refused if the file says %s', async (name) => {
    const state = new LocalState(await temporaryFolder());
    await mkdir(state.directory);
    await writeFile(join(state.directory, 'instance'), name);
    await expect(state.makeInstance()).rejects.toMatchObject({ code: 'config-invalid' });
    expect(await readFile(join(state.directory, 'instance'), 'utf8')).toBe(name);
  });

  it('lies in a folder that is its owner’s alone', async () => {
    const state = new LocalState(await temporaryFolder());
    await state.makeInstance();
    expect((await stat(state.directory)).mode & 0o777).toBe(0o700);
  });
});

describe('what was restored by hand', () => {
  it('is nothing at first, and is remembered with its time', async () => {
    const state = new LocalState(await temporaryFolder());
    expect(await state.restoredAtMs()).toEqual(new Map());
    await state.recordRestored(['a', 'b'], 5);
    await state.recordRestored(['b', 'constructor'], 7);
    expect(await new LocalState(join(state.directory, '..')).restoredAtMs()).toEqual(
      new Map([
        ['a', 5],
        ['b', 7],
        ['constructor', 7],
      ]),
    );
    expect(await readdir(join(state.directory, 'restored'))).toHaveLength(3);
  });

  it('is not lost where the gateway and the command line write at once', async () => {
    const stateDir = await temporaryFolder();
    const names = Array.from({ length: 20 }, (_, n) => `s-${n}`);
    await Promise.all(names.map((name, n) => new LocalState(stateDir).recordRestored([name, 'same'], n)));
    const restored = await new LocalState(stateDir).restoredAtMs();
    expect([...restored.keys()].sort()).toEqual([...names, 'same'].sort());
  });

  it('is still known from the one file that held it before, and which an older clawback may write', async () => {
    const state = new LocalState(await temporaryFolder());
    await mkdir(state.directory);
    await state.recordRestored(['b', 'c'], 5);
    await writeFile(join(state.directory, 'restored.json'), '{"a":3,"b":7,"c":2}');
    expect(await state.restoredAtMs()).toEqual(
      new Map([
        ['a', 3],
        ['b', 7],
        ['c', 5],
      ]),
    );
  });

  it('is refused if a file of it is damaged; what a process that died was writing does not count', async () => {
    const state = new LocalState(await temporaryFolder());
    await state.recordRestored(['a'], 5);
    const [file = ''] = await readdir(join(state.directory, 'restored'));
    const path = join(state.directory, 'restored', file);
    await writeFile(`${path}.0b4f5d2e.tmp`, '{');
    expect(await state.restoredAtMs()).toEqual(new Map([['a', 5]]));
    await writeFile(path, '{');
    await expect(state.restoredAtMs()).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining(path),
      hint: expect.stringContaining('remove the file'),
    });
  });

  it.each(['', '{', '[1]', '{"a":"yesterday"}', 'null'])(
    'is refused if its file says %j, with what to do',
    async (text) => {
      const state = new LocalState(await temporaryFolder());
      await mkdir(state.directory);
      await writeFile(join(state.directory, 'restored.json'), text);
      await expect(state.restoredAtMs()).rejects.toMatchObject({
        code: 'config-invalid',
        hint: expect.stringContaining('remove the file'),
      });
    },
  );
});

describe('the last drill', () => {
  const drill = { atMs: 1_762_500_000_000, archive: 'file:///archive', archived: 40, sampled: 5, faults: 0 };

  it('is unknown at first, and then the one that was recorded last', async () => {
    const state = new LocalState(await temporaryFolder());
    expect(await state.lastDrill()).toBeUndefined();
    await state.recordDrill(drill);
    await state.recordDrill({ ...drill, faults: 2 });
    expect(await state.lastDrill()).toEqual({ ...drill, faults: 2 });
    expect(await readdir(state.directory)).toEqual(['last-drill.json']);
  });

  it.each(['', '{', 'null', '[]', '{"atMs":"today"}', JSON.stringify({ ...drill, atMs: 9e15 })])(
    'is unknown if its file says %j',
    async (text) => {
      const state = new LocalState(await temporaryFolder());
      await mkdir(state.directory);
      await writeFile(join(state.directory, 'last-drill.json'), text);
      expect(await state.lastDrill()).toBeUndefined();
    },
  );
});
