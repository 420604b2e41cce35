import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeEach, describe, expect, test } from 'vitest';
import { writeModelRunStore } from '../../src/demo/model-run-store.ts';
import { COMPILED_MAIN } from '../support/run-cli.ts';
import type { ListJson } from './support/answers.ts';
import { Home } from './support/home.ts';

/** Every write to it fails as on a disk without a free block. */
const FULL = '/dev/full';

/** Where the output of a process goes: to a reader that is gone already, to a full disk, or to us. */
type Target = 'gone' | 'full' | 'pipe';

describe('what is printed cannot be written', () => {
  let home: Home;
  let rows: number;

  beforeEach(async () => {
    home = await Home.create();
    await writeModelRunStore({
      stateDir: home.stateDir,
      nowMs: Date.now(),
      sizeScale: 0.01,
      countScale: 0.1,
    });
    rows = Object.keys(await home.rows()).length;
  });

  async function clawback(argv: readonly string[], stdout: Target, stderr: Target = 'pipe') {
    const full = await open(existsSync(FULL) ? FULL : '/dev/null', 'w');
    const at = (target: Target) => (target === 'full' ? full.fd : 'pipe');
    const child = spawn(process.execPath, [COMPILED_MAIN, ...argv], {
      env: { ...home.env },
      stdio: ['ignore', at(stdout), at(stderr)],
    });
    if (stdout === 'gone') child.stdout?.destroy();
    if (stderr === 'gone') child.stderr?.destroy();
    const said = stderr === 'pipe' && child.stderr !== null ? text(child.stderr) : Promise.resolve('');
    const [exitCode] = (await once(child, 'close')) as [number | null];
    await full.close();
    return { exitCode, stderr: await said };
  }

  test.skipIf(!existsSync(FULL))(
    'a full disk under the output: one line, no stack, exit code 1',
    async () => {
      const { exitCode, stderr } = await clawback(['status'], 'full');

      expect(exitCode).toBe(1);
      expect(stderr).toBe(
        'clawback: write standard output: ENOSPC\n  what was to be done is done, and only not told: make room, or send the output elsewhere\n',
      );
    },
  );

  test.skipIf(!existsSync(FULL))('neither the log nor the report on a full disk stops a run', async () => {
    const { exitCode } = await clawback(['nightly', '--once', '--verbose'], 'full', 'full');

    expect(exitCode).toBe(1);
    const listed = (await home.compiled(process.execPath, 'list', '--json')).json<ListJson>();
    expect(listed.totals.sessions).toBeGreaterThan(40);
    expect(Object.keys(await home.rows()).length).toBeLessThan(rows - 40);
  });

  test('a night goes on when nobody reads any more what it prints', async () => {
    const { exitCode } = await clawback(['nightly', '--once', '--verbose'], 'gone', 'gone');

    expect(exitCode).toBe(0);
    expect(existsSync(join(home.stateDir, 'clawback', 'last-drill.json'))).toBe(true);
  });

  test('cat ends with 0 when its reader has seen enough', async () => {
    await clawback(['archive'], 'gone');
    const { sessions } = (await home.compiled(process.execPath, 'list', '--json')).json<ListJson>();

    expect(await clawback(['cat', sessions[0]?.archiveId ?? ''], 'gone')).toEqual({
      exitCode: 0,
      stderr: '',
    });
  });
});
