import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { logFormatOf } from '../../src/cli/log.ts';
import { runCli as runWith } from '../support/run-cli.ts';
import { smallStateDir } from '../support/small-state.ts';
import { NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TIME = new Date(NOW_MS).toISOString();

/** Every line of standard error, each of which has to be an object. */
async function logOf(argv: readonly string[], env: Record<string, string> = {}) {
  const { exitCode, stderr, text } = await runWith(argv, { env, nowMs: NOW_MS });
  const lines = stderr.split('\n').slice(0, -1);
  return { exitCode, text, entries: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('--log-format json', () => {
  it('says an error as one object, with code and hint', async () => {
    const { exitCode, entries } = await logOf([
      'status',
      '--log-format',
      'json',
      '--state-dir',
      await temporaryFolder(),
    ]);
    expect(exitCode).toBe(1);
    expect(entries).toEqual([
      {
        time: TIME,
        level: 'error',
        msg: expect.stringContaining('there is none'),
        code: 'no-session-store',
        hint: expect.stringContaining('--state-dir'),
      },
    ]);
  });

  it.each<[string, readonly string[], string]>([
    ['an unknown command', ['archvie'], "unknown command 'archvie'"],
    ['an unknown flag', ['status', '--dry'], "unknown option '--dry'"],
    ['a missing selector', ['cat'], "missing required argument 'selector'"],
    ['a value out of range', ['status', '--jobs', '0'], '1 to 64'],
    ['no command at all', [], 'no command is given'],
  ])('says %s so too', async (_what, argv, msg) => {
    const { exitCode, entries } = await logOf(argv, { CLAWBACK_LOG_FORMAT: 'json' });
    expect(exitCode).toBe(2);
    expect(entries).toEqual([
      {
        time: TIME,
        level: 'error',
        msg: expect.stringContaining(msg),
        code: 'usage',
        hint: expect.stringContaining('--help'),
      },
    ]);
  });

  it('has what went wrong, though the report on standard output says it to people', async () => {
    const stateDir = await smallStateDir();
    await mkdir(join(stateDir, 'cron'), { recursive: true });
    await writeFile(join(stateDir, 'cron', 'jobs.json'), 'no JSON');
    const { exitCode, text, entries } = await logOf(['archive', '--state-dir', stateDir], {
      CLAWBACK_LOG_FORMAT: 'json',
    });
    expect([exitCode, text.includes('WARNING: every row is kept')]).toEqual([0, true]);
    expect(entries).toContainEqual({
      time: TIME,
      level: 'warning',
      msg: expect.stringContaining('every row is kept while this cannot be read – cron/jobs.json'),
      hint: expect.stringContaining('openclaw doctor'),
    });
  });
});

describe('the format of the log', () => {
  test.each<[string, readonly string[], string | undefined, string]>([
    ['text', ['status'], undefined, 'unless it is asked for otherwise'],
    ['json', ['status'], 'json', 'by the environment'],
    ['text', ['status', '--log-format', 'text'], 'json', 'by the flag, which wins'],
    ['json', ['status', '--log-format=text', '--log-format', 'json'], undefined, 'by the last flag'],
    [
      'json',
      ['status', '--log-format', 'text', '--log-format=json'],
      undefined,
      'by the last flag, however it is spelt',
    ],
    ['text', ['cat', '--', '--log-format=json'], undefined, 'a selector is no flag'],
  ])('is %s: %j %s, %s', (format, argv, variable, _why) => {
    expect(logFormatOf(argv, { CLAWBACK_LOG_FORMAT: variable })).toBe(format);
  });

  it.each<[string, readonly string[], Record<string, string>]>([
    ['the flag', ['--log-format', 'xml'], {}],
    ['the environment', [], { CLAWBACK_LOG_FORMAT: 'xml' }],
  ])('is refused if %s asks for another one', async (_what, flags, env) => {
    const argv = ['status', '--state-dir', await smallStateDir(), ...flags];
    const { exitCode, stderr } = await runWith(argv, { env, nowMs: NOW_MS });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('xml');
    expect(stderr).toMatch(/text, json/);
  });
});
