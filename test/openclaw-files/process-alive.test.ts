import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isProcessAlive, parseStat, readProcessStart } from '../../src/openclaw/process-alive.ts';

const hasProc = existsSync('/proc/self/stat');

describe('a process', () => {
  test('is alive while it runs and dead when it has ended', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const pid = child.pid ?? 0;
    expect(isProcessAlive(pid, readProcessStart(pid))).toBe(true);
    child.stdin.end();
    await once(child, 'exit');
    expect(isProcessAlive(pid)).toBe(false);
  });

  test.skipIf(!hasProc)('with the same pid and another start is another process', () => {
    const start = readProcessStart(process.pid) ?? 0;
    expect(start).toBeGreaterThan(0);
    expect(isProcessAlive(process.pid, start)).toBe(true);
    expect(isProcessAlive(process.pid, start - 1)).toBe(false);
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 40])('with the pid %s does not exist', (pid) => {
    expect(isProcessAlive(pid)).toBe(false);
    expect(readProcessStart(pid)).toBeUndefined();
  });

  test('of another user counts as alive', () => {
    expect(isProcessAlive(1)).toBe(true);
  });
});

describe('/proc/<pid>/stat', () => {
  const after = 'S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21';

  test.each([
    ['a plain name', `7 (node) ${after}`],
    ['spaces and parentheses in the name', `7 (a) S 1 (b c)) ${after}`],
    ['a line break in the name', `7 (a\nb) ${after}`],
  ])('is read with %s', (_name, text) => {
    expect(parseStat(text)).toEqual({ state: 'S', startTime: 4242 });
  });

  test('that is cut short says nothing', () => {
    expect(parseStat('7 (node) S 1 2')).toBeUndefined();
    expect(parseStat('')).toBeUndefined();
  });
});
