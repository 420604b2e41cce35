import { spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import { tombstoneMark } from '../../src/sessions/row.ts';
import { lostFiles, readOriginals, spawnAnd } from '../support/fault-stories.ts';
import { Home } from './support/home.ts';

const W = fileURLToPath(new URL('../support/rewriting-writer.mjs', import.meta.url));
test('measure', { timeout: 600000 }, async () => {
  for (const pause of [1000, 333, 100, 50, 0])
    for (let rep = 0; rep < 3; rep++) {
      const NOW = Date.now();
      const home = await Home.create({
        settings: { retention: { protectedPruneAfter: '7d' }, jobs: 1 },
        nowMs: NOW,
      });
      const store = await writeSlackStore({
        stateDir: home.stateDir,
        nowMs: NOW,
        sizeScale: 0.002,
        orphans: false,
      });
      const originals = await readOriginals(home);
      const dry = (await home.compiled(process.execPath, 'archive', '--dry-run', '--json')).json<any>();
      const selected = dry.plan[0].selected.map((s: any) => s.sessionKey);
      const young = store.sessions
        .filter((s) => s.ageMs < 3 * 86400000 && !s.blocker)
        .map((s) => s.sessionKey)
        .slice(0, 20);
      const touched = selected.slice(0, 5);
      const w = spawn(process.execPath, [W, home.storePath(), String(pause), ...young, ...touched], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let out = '';
      w.stdout.on('data', (d) => (out += d));
      while (!out.includes('ready')) await new Promise((r) => w.stdout.once('data', r));
      const t0 = performance.now();
      const e = await spawnAnd(home, ['archive', '--allow-live-gateway', '--json'], () => {});
      const ms = performance.now() - t0;
      await new Promise((r) => setTimeout(r, 1500));
      w.stdin.end();
      await new Promise((r) => w.once('close', r));
      const { writes, written } = JSON.parse(out.split('\n')[1]!);
      const rows = await home.rows();
      const lostUpdates = Object.entries(written)
        .filter(([k, n]) => (rows[k] as any)?.writerCount !== n)
        .map(([k]) => k);
      let resurrected = 0,
        filesGone = 0,
        tomb = 0;
      for (const k of selected) {
        const r = rows[k] as any;
        if (r && tombstoneMark(r)) tomb++;
        else {
          resurrected++;
          const f = isAbsolute(r.sessionFile) ? r.sessionFile : join(home.sessionsDir(), r.sessionFile);
          if (
            !(await access(f).then(
              () => true,
              () => false,
            ))
          )
            filesGone++;
        }
      }
      let j: any;
      try {
        j = JSON.parse(e.output);
      } catch {
        j = { raw: e.output.slice(0, 300) };
      }
      console.log(
        `pause ${pause}: code ${e.code} ${Math.round(ms)}ms writes ${writes} lostUpdates ${lostUpdates.length} selected ${selected.length} tomb ${tomb} notTomb ${resurrected} filesGoneUnderRow ${filesGone} trimmed ${j.done?.protectedRowsTrimmed} leftAlone ${j.leftAlone?.length} failures ${j.failures?.length} ${j.failures?.[0]?.error?.code ?? ''} lost ${(await lostFiles(home, originals)).length}`,
        j.raw ?? '',
      );
    }
});
