import { spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import { lostFiles, readOriginals } from '../support/fault-stories.ts';
import type { ArchiveJson } from './support/answers.ts';
import { Home } from './support/home.ts';
import { listenAsGateway } from './support/mute-gateway.ts';

const WRITER = fileURLToPath(new URL('../support/rewriting-writer.mjs', import.meta.url));
const DAY_MS = 86_400_000;

interface Writer {
  /** Ends it, and says what it wrote last to each row. */
  stop(): Promise<Readonly<Record<string, number>>>;
}

async function startWriter(storePath: string, pauseMs: number, keys: readonly string[]): Promise<Writer> {
  const child = spawn(process.execPath, [WRITER, storePath, String(pauseMs), ...keys], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
      resolve();
    });
  });
  await ready;
  return {
    stop: async () => {
      child.stdin.end();
      await new Promise((resolve) => child.once('close', resolve));
      const report = JSON.parse(output.split('\n')[1] ?? '{}') as { written: Record<string, number> };
      return report.written;
    },
  };
}

/** 584 rows; the writer changes young ones, and some that the run has selected. */
async function archiveBeside(pauseMs: number) {
  const nowMs = Date.now();
  const home = await Home.create({ settings: { retention: { protectedPruneAfter: '7d' }, jobs: 1 }, nowMs });
  await home.configureOpenClaw({ gateway: { mode: 'local', port: await listenAsGateway() } });
  const store = await writeSlackStore({ stateDir: home.stateDir, nowMs, sizeScale: 0.002, orphans: false });
  const originals = await readOriginals(home);
  const dryRun = await home.clawback('archive', '--dry-run', '--json');
  const selected = dryRun
    .json<ArchiveJson>()
    .plan.flatMap((plan) => plan.selected.map((one) => one.sessionKey ?? ''));
  const young = store.sessions.filter(({ ageMs, blocker }) => ageMs < 3 * DAY_MS && blocker === undefined);
  const keys = [...young.slice(0, 10).map(({ sessionKey }) => sessionKey), ...selected.slice(0, 5)];
  const writer = await startWriter(home.storePath(), pauseMs, keys);
  const ending = await home.clawback('archive', '--json');
  const written = await writer.stop();
  return { home, originals, selected, ending, written };
}

test.each([333, 50])(
  'a writer that pauses for %i ms between two rewrites of the store loses no update',
  async (pauseMs) => {
    const { home, originals, ending, written } = await archiveBeside(pauseMs);
    expect([0, 3], ending.text).toContain(ending.exitCode);
    expect(ending.json()).toMatchObject({ road: { name: 'outside' } });
    const rows = await home.rows();
    for (const [key, count] of Object.entries(written)) expect(rows[key]?.writerCount, key).toBe(count);
    expect(await lostFiles(home, originals)).toEqual([]);
  },
);

test.each([100])(
  'no row is left without its transcript by a writer that pauses for %i ms',
  async (pauseMs) => {
    for (let round = 1; round <= 4; round += 1) {
      const { home, selected, ending } = await archiveBeside(pauseMs);
      const rows = await home.rows();
      for (const key of selected) {
        const file = String(rows[key]?.sessionFile);
        const path = isAbsolute(file) ? file : join(home.sessionsDir(), file);
        await expect(access(path), `${key}: ${ending.text}`).resolves.toBeUndefined();
      }
    }
  },
);
