import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { versionOf } from '../../bench/measure.ts';
import { median } from '../../bench/rounds.ts';

const BENCH = fileURLToPath(new URL('../../bench/run.ts', import.meta.url));

const missing = (await Promise.all(['tar', 'zstd'].map((program) => versionOf(program, '--version')))).some(
  (version) => version === undefined,
);

describe('npm run bench -- --quick', () => {
  it.skipIf(missing)(
    'prints a row for every tool, in ratios of tar | zstd, and one for every way back',
    async () => {
      const { stdout } = await promisify(execFile)(process.execPath, [BENCH, '--quick']);
      const rowOf = (name: string) =>
        stdout.split('\n').find((line) => line.trimStart().startsWith(`${name} `));
      expect(rowOf('tar | zstd -T2 -3')).toMatch(/-3 +1\.00 /);
      for (const name of ['clawback to a folder', 'clawback to a folder, verify: stored', 'node -e 0']) {
        expect(rowOf(name), name).toMatch(/ \d+\.\d+ /);
      }
      expect(rowOf('clawback cat, from a folder')).toMatch(/ \d+\.\d+ +\d+ /);
      expect(rowOf('clawback restore --to, from a folder')).toMatch(/ \d+\.\d+ +\d+ /);
      expect(stdout).not.toMatch(/NaN|Infinity|undefined/);
      expect(stdout).toContain('S3: SKIPPED');
    },
  );
});

describe('the median of the rounds', () => {
  it('is the middle one, or lies between the two middle ones', () => {
    expect(median([30, 10, 20])).toBe(20);
    expect(median([40, 10, 20, 30])).toBe(25);
    expect(median([])).toBeNaN();
  });
});
