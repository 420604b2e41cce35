import { readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import { endState, lostFiles, readOriginals, spawnAnd } from '../support/fault-stories.ts';
import { Home } from './support/home.ts';

const NOW_MS = Date.now();

async function smallHome(): Promise<Home> {
  const settings = { retention: { protectedPruneAfter: '7d' }, jobs: 2 };
  const home = await Home.create({ settings, nowMs: NOW_MS });
  await writeSlackStore({ stateDir: home.stateDir, nowMs: NOW_MS, countScale: 0.05, sizeScale: 0.01 });
  return home;
}

async function undisturbed(): Promise<unknown> {
  const home = await smallHome();
  (await home.compiled(process.execPath, 'archive')).expect(0);
  return endState(home);
}

describe('two archivers that are started together', () => {
  test('take turns: one archives, the other leaves, or finds nothing to do', async () => {
    const expected = await undisturbed();
    for (let round = 1; round <= 10; round += 1) {
      const home = await smallHome();
      const originals = await readOriginals(home);
      const endings = await Promise.all([
        spawnAnd(home, ['archive'], () => {}),
        spawnAnd(home, ['archive'], () => {}),
      ]);
      const outputs = endings.map(({ output }) => output).join('\n');
      const won = endings.filter(({ code, output }) => code === 0 && /archived to/.test(output));
      expect(won.length, `round ${round}: ${outputs}`).toBeGreaterThan(0);
      for (const { code, output } of endings) {
        if (code !== 0) expect(output, `round ${round}`).toMatch(/lock the store: held by/);
      }
      expect(await endState(home), `round ${round}: ${outputs}`).toEqual(expected);
      expect(await lostFiles(home, originals)).toEqual([]);
      expect(await readdir(home.archiveDir), 'one instance').toHaveLength(1);
    }
  });
});
