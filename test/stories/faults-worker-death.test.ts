import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
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

/** Loaded into every thread of the program: a worker meets its fate when it opens its first transcript, or at once. */
async function writePreload(home: Home, when: 'at once' | 'in a batch', fate: string): Promise<string> {
  const path = join(home.root, 'fate.mjs');
  const inBatch = `
      const real = fs.openSync;
      fs.openSync = (...args) => {
        if (/[.]jsonl$/.test(String(args[0]))) { ${fate} }
        return real(...args);
      };
      syncBuiltinESMExports();`;
  const text = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    import { isMainThread } from 'node:worker_threads';
    if (!isMainThread) { ${when === 'at once' ? fate : inBatch} }`;
  await writeFile(path, text);
  return `--import=${pathToFileURL(path).href}`;
}

const EXIT = 'process.exit(7);';
const THROW = "setImmediate(() => { throw new Error('out of the blue'); });";
const OUT_OF_MEMORY = 'const all = []; for (;;) all.push(new Array(1e6).fill(all.length));';

describe('a worker thread that ends', () => {
  test.each([
    { when: 'in a batch', what: 'by exiting', fate: EXIT },
    { when: 'in a batch', what: 'by an error outside of any promise', fate: THROW },
    { when: 'in a batch', what: 'for want of memory', fate: OUT_OF_MEMORY },
    { when: 'at once', what: 'by exiting', fate: EXIT },
    { when: 'at once', what: 'for want of memory', fate: OUT_OF_MEMORY },
  ] as const)('$when $what is reported, loses nothing, and the next run finishes', async ({ when, fate }) => {
    const home = await smallHome();
    const originals = await readOriginals(home);
    // More batches than a thread takes at once: some are still waiting when it ends.
    for (const agentId of ['a', 'b', 'c', 'd']) {
      await writeSlackStore({
        stateDir: home.stateDir,
        agentId,
        nowMs: NOW_MS,
        countScale: 0.02,
        sizeScale: 0.01,
      });
    }
    const memory = fate === OUT_OF_MEMORY ? '--max-old-space-size=200 ' : '';
    const env = { NODE_OPTIONS: memory + (await writePreload(home, when, fate)) };
    const ending = await spawnAnd(home, ['archive', '--jobs', '1'], () => {}, env);
    expect([1, 3], ending.output).toContain(ending.code);
    expect(ending.output).toMatch(/worker thread/);
    expect(await lostFiles(home, originals)).toEqual([]);
    expect((await readdir(home.sessionsDir())).filter((name) => name.startsWith('.clawback'))).toEqual([]);
    (await home.compiled(process.execPath, 'archive')).expect(0);
    expect(await endState(home)).toEqual(await undisturbed());
    expect(await lostFiles(home, originals)).toEqual([]);
  });
});
