import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { COMPILED_MAIN } from '../support/run-cli.ts';
import { DAY_MS, Home } from './support/home.ts';
import { listenAsGateway } from './support/mute-gateway.ts';
import { threadOf, writeThreadStore } from './support/rooms.ts';
import { TRIM } from './support/trimmed.ts';

const MB = 1024 * 1024;
const CTRL_C = '\u0003';
/** Clears from the cursor on: the whole line, where it comes first. */
const CLEAR = '\u001b[K';
/** util-linux; the `script` of macOS takes other flags. */
const hasScript = spawnSync('script', ['--version']).stdout?.includes('util-linux') ?? false;

/** A store with one old thread and an orphan trajectory of so many bytes that do not compress. */
async function homeWith(bytes: number): Promise<Home> {
  const home = await Home.create({ settings: TRIM, nowMs: Date.now() });
  const thread = threadOf('C0A', '1762500000.000000', {
    sessionId: 's-1',
    updatedAtMs: home.nowMs - 40 * DAY_MS,
    text: 'hello',
  });
  await writeThreadStore(home.storePath(), { main: [thread] });
  const path = join(home.sessionsDir(), '5f0e6f0e-0a1b-4c2d-8e3f-00000000000a.trajectory.jsonl');
  await writeFile(path, randomBytes(bytes));
  const seconds = (home.nowMs - 40 * DAY_MS) / 1000;
  await utimes(path, seconds, seconds);
  return home;
}

/** Runs the compiled program under a terminal of its own. Returns its exit code and all that the screen was sent. */
async function onTerminal(
  home: Home,
  columns: number,
  interruptAt?: RegExp,
  env: Record<string, string> = {},
) {
  const command = `stty cols ${columns} && exec '${process.execPath}' '${COMPILED_MAIN}' archive --jobs 1`;
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    env: { ...home.env, PATH: process.env.PATH ?? '', TERM: 'xterm', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let screen = '';
  let isInterrupted = false;
  child.stdout.on('data', (chunk: Buffer) => {
    screen += chunk.toString('utf8');
    if (isInterrupted || interruptAt?.test(screen) !== true) return;
    isInterrupted = true;
    child.stdin.write(CTRL_C);
  });
  const exitCode = await new Promise((resolve) => child.once('close', resolve));
  return { exitCode, screen };
}

/** What stands on the screen in the end: a carriage return begins a line anew. */
function leftOn(screen: string): string[] {
  return screen.split('\r\n').map((line) => (line.split('\r').at(-1) ?? '').replace(CLEAR, ''));
}

describe.skipIf(!hasScript)('clawback archive on a real terminal (script of util-linux)', () => {
  test('shows a bar that fits, and leaves the report alone on the screen', async () => {
    const { exitCode, screen } = await onTerminal(await homeWith(48 * MB), 70);
    expect(exitCode).toBe(0);
    const bars = screen.split('\r').filter((piece) => piece.startsWith('archive ['));
    expect(bars.length).toBeGreaterThan(1);
    for (const bar of bars) expect(stripVTControlCharacters(bar).length).toBeLessThan(70);
    expect(bars.at(-1)).not.toContain('  0%');
    expect(leftOn(screen)[0]).toMatch(/^archived to file:/);
  });

  test('has no colour with NO_COLOR, and no bar on a dumb terminal', async () => {
    const plainScreen = await onTerminal(await homeWith(MB), 70, undefined, { NO_COLOR: '1' });
    expect(plainScreen.screen).toContain('archive [');
    expect(plainScreen.screen).not.toContain('\u001b[3');
    const dumb = await onTerminal(await homeWith(MB), 70, undefined, { TERM: 'dumb' });
    expect([dumb.exitCode, dumb.screen.includes('archive [')]).toEqual([0, false]);
  });

  test('says that it plans, and beside a gateway how long it waits until nothing can overwrite the rows', async () => {
    const home = await homeWith(MB);
    await home.configureOpenClaw({ gateway: { mode: 'local', port: await listenAsGateway() } });
    const waiting = /archive: waiting until the gateway cannot overwrite the rows any more \((\d+) s\)/g;
    const twoSeconds = new RegExp(`${waiting.source}[^]*${waiting.source}`);
    const { exitCode, screen } = await onTerminal(home, 90, twoSeconds);
    expect(exitCode).toBe(130);
    expect(screen.indexOf('archive: planning')).toBeGreaterThanOrEqual(0);
    expect(screen.indexOf('archive: planning')).toBeLessThan(screen.indexOf('archive ['));
    const [first = 0, second = 0] = [...screen.matchAll(waiting)].map(([, seconds]) => Number(seconds));
    expect(first).toBeLessThanOrEqual(46);
    expect(second).toBeLessThan(first);
    for (const line of leftOn(screen)) expect(line).not.toContain('waiting');
  });

  test('Ctrl-C takes the bar away; the run ends in order', async () => {
    const { exitCode, screen } = await onTerminal(await homeWith(96 * MB), 70, /archive \[/);
    expect(exitCode).toBe(130);
    expect(screen).toContain('interrupted');
    for (const line of leftOn(screen)) expect(line).not.toMatch(/archive \[/);
  });
});
