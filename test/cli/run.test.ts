import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli as runWith } from '../support/run-cli.ts';
import { OLD_MODEL_RUN, smallStateDir } from '../support/small-state.ts';
import { NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** With an empty environment and a clock that stands still. */
async function runCli(argv: readonly string[]) {
  const result = await runWith(argv, { env: {}, nowMs: NOW_MS });
  const { exitCode, stderr, text: stdout } = result;
  return { exitCode, stdout, stderr, json: () => result.json<Record<string, unknown>>() };
}

/** A list of cron jobs that nobody can read. */
async function unreadableStateDir(): Promise<string> {
  const stateDir = await smallStateDir();
  await mkdir(join(stateDir, 'cron'), { recursive: true });
  await writeFile(join(stateDir, 'cron', 'jobs.json'), 'no JSON');
  return stateDir;
}

const COMMANDS = ['archive', 'archive --dry-run', 'status'];

const VERBS = [
  'status',
  'archive',
  'restore',
  'cat',
  'list',
  'verify',
  'drill',
  'report',
  'doctor',
  'nightly',
  'schedule',
  'demo',
];

describe('help', () => {
  it('lists every command', async () => {
    const { exitCode, stdout } = await runCli(['--help']);
    expect(exitCode).toBe(0);
    for (const verb of VERBS) expect(stdout).toContain(`\n  ${verb}`);
  });

  it.each(VERBS)('of %s says what its flags do, and ends with 0', async (verb) => {
    const { exitCode, stdout, stderr } = await runCli([verb, '--help']);
    expect([exitCode, stderr]).toEqual([0, '']);
    for (const flag of [
      '--config',
      '--state-dir',
      '--archive',
      '--agent',
      '--json',
      '--quiet',
      '--verbose',
      '--log-format',
      '--jobs',
    ])
      expect(stdout).toContain(flag);
  });

  it('tells the version', async () => {
    const { exitCode, stdout } = await runCli(['--version']);
    expect([exitCode, /^\d+\.\d+\.\d+\n$/.test(stdout)]).toEqual([0, true]);
  });

  it('is shown where no command is given, which is a usage error', async () => {
    const { exitCode, stderr } = await runCli([]);
    expect([exitCode, stderr.includes('Usage: clawback')]).toEqual([2, true]);
  });
});

describe('a command line that makes no sense ends with 2 and names what is wrong', () => {
  it.each<[string, readonly string[], string]>([
    ['an unknown command', ['archvie'], 'archvie'],
    ['an unknown flag', ['status', '--dry'], '--dry'],
    ['a flag of another command', ['status', '--read-data'], '--read-data'],
    ['a flag without its value', ['status', '--state-dir'], '--state-dir'],
    ['a missing selector', ['cat'], 'selector'],
    ['two selectors', ['cat', 'a', 'b'], 'too many arguments'],
    ['jobs that are no number', ['status', '--jobs', 'many'], 'many'],
    ['no jobs at all', ['status', '--jobs', '0'], '1 to 64'],
    ['a percentage above 100', ['verify', '--read-data=101'], '101'],
    ['a percentage of nothing', ['verify', '--read-data=0'], 'above 0'],
    ['a sample of nothing', ['drill', '--sample', '0'], 'from 1'],
    ['demo on an archive of yours', ['demo', '--archive', 'file:///a'], '--archive'],
    ['demo on a store of yours', ['demo', '--state-dir', '/nowhere'], 'clawback demo --dir DIR'],
    ['demo with settings of yours', ['demo', '--config', 'c.json'], '--config'],
    ['--to with --resume', ['restore', 'x', '--to', 'd', '--resume'], '--resume'],
  ])('%s', async (_what, argv, named) => {
    const { exitCode, stderr } = await runCli(argv);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(named);
  });

  it.each<[string, readonly string[], string]>([
    ['an archive that is no URL', ['status', '--archive', 'bucket'], '--archive'],
    ['an archive of another kind', ['status', '--archive', 'ftp://x'], 'ftp://x'],
    ['an agent that does not exist', ['status', '--agent', 'nobody'], 'nobody'],
    ['a duration without a unit', ['list', '--older-than', '30'], '30'],
  ])('%s', async (_what, argv, named) => {
    const { exitCode, stderr } = await runCli([...argv, '--state-dir', await smallStateDir()]);
    expect([exitCode, stderr.includes(named)]).toEqual([2, true]);
  });

  it('settings that are wrong, with the file, the key and what is allowed', async () => {
    const stateDir = await smallStateDir();
    await writeFile(join(stateDir, 'clawback.json'), '{"retention": {"minIdle": 30}}');
    const { exitCode, stderr } = await runCli(['status', '--state-dir', stateDir]);
    expect(exitCode).toBe(2);
    for (const part of ['clawback.json', 'retention.minIdle', '30', 'unit']) expect(stderr).toContain(part);
  });
});

describe('where there is no store', () => {
  it.each(['status', 'archive'])('%s ends with 1 and a hint', async (verb) => {
    const { exitCode, stdout, stderr } = await runCli([verb, '--state-dir', await temporaryFolder()]);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^clawback: find session stores in .*: there is none\n {2}.*--state-dir/);
  });

  it('--json prints one error object as well', async () => {
    const { exitCode, json } = await runCli(['status', '--json', '--state-dir', await temporaryFolder()]);
    expect(exitCode).toBe(1);
    expect(json()).toEqual({
      schema: 'clawback.error/1',
      code: 'no-session-store',
      message: expect.stringContaining('there is none'),
      hint: expect.stringContaining('--state-dir'),
      retryable: false,
    });
  });
});

describe('--json of every command names its schema and is the only thing on standard output', () => {
  it('from the first run to the restore', { timeout: 60_000 }, async () => {
    const stateDir = await smallStateDir();
    const schemaOf = async (...argv: string[]) => {
      const { exitCode, stdout, json } = await runCli([
        ...argv,
        '--json',
        '--jobs',
        '1',
        '--state-dir',
        stateDir,
      ]);
      expect([exitCode, stdout.startsWith('{'), stdout.endsWith('}\n')], argv.join(' ')).toEqual([
        0,
        true,
        true,
      ]);
      return json().schema;
    };
    expect(await schemaOf('status')).toBe('clawback.status/1');
    expect(await schemaOf('archive', '--dry-run')).toBe('clawback.archive/1');
    expect(await schemaOf('archive')).toBe('clawback.archive/1');
    expect(await schemaOf('list')).toBe('clawback.list/1');
    expect(await schemaOf('verify')).toBe('clawback.verify/1');
    expect(await schemaOf('drill')).toBe('clawback.drill/1');
    expect(await schemaOf('cat', OLD_MODEL_RUN)).toBe('clawback.cat/1');
    expect(await schemaOf('restore', OLD_MODEL_RUN, '--dry-run')).toBe('clawback.restore/1');
    expect(await schemaOf('restore', OLD_MODEL_RUN)).toBe('clawback.restore/1');
  });
});

describe('--quiet', () => {
  it('prints nothing but errors', async () => {
    const { exitCode, stdout, stderr } = await runCli([
      'status',
      '--quiet',
      '--state-dir',
      await smallStateDir(),
    ]);
    expect([exitCode, stdout, stderr]).toEqual([0, '', '']);
  });

  it.each(COMMANDS)('still says on standard error why every row is kept: %s', async (command) => {
    const flags = ['--quiet', '--state-dir', await unreadableStateDir()];
    const { exitCode, stdout, stderr } = await runCli([...command.split(' '), ...flags]);
    expect([exitCode, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(
      /^clawback: WARNING: every row is kept while this cannot be read – cron\/jobs.json: is not JSON \(run .*\)\n$/,
    );
  });
});

describe('what cannot be read, so that every row is kept', () => {
  it.each(COMMANDS)('is told once, whatever the number of stores, with what to do: %s', async (command) => {
    const stateDir = await unreadableStateDir();
    await cp(join(stateDir, 'agents', 'main'), join(stateDir, 'agents', 'other'), { recursive: true });
    const { stdout } = await runCli([...command.split(' '), '--state-dir', stateDir]);
    expect(
      stdout.match(
        /WARNING: every row is kept while .* cron\/jobs.json: is not JSON \(run .*openclaw doctor.*\)/g,
      ),
    ).toHaveLength(1);
  });

  it.each(COMMANDS)('is among the warnings of --json: %s', async (command) => {
    const { json } = await runCli([
      ...command.split(' '),
      '--json',
      '--state-dir',
      await unreadableStateDir(),
    ]);
    expect(json()).toMatchObject({
      warnings: [
        {
          text: expect.stringContaining('cron/jobs.json: is not JSON'),
          advice: expect.stringContaining('openclaw doctor'),
        },
      ],
    });
  });

  it('is none of them where all can be read', async () => {
    const { json } = await runCli(['archive', '--json', '--state-dir', await smallStateDir()]);
    expect(json()).toMatchObject({ warnings: [] });
  });
});

describe('Ctrl-C before anything is reported', () => {
  const interrupted = async (command: string, stateDir: string) => {
    const argv = [...command.split(' '), '--state-dir', stateDir];
    return runWith(argv, { env: {}, nowMs: NOW_MS, signal: AbortSignal.abort() });
  };
  const archived = async () => {
    const stateDir = await smallStateDir();
    await runCli(['archive', '--state-dir', stateDir]);
    return stateDir;
  };

  it.each([
    ['archive', 'interrupted; run it again: it finishes what was begun'],
    ['archive --quiet', 'interrupted; run it again: it finishes what was begun'],
    ['gc', 'interrupted; run it again: it finishes what was begun'],
    ['gc --dry-run', 'interrupted'],
    ['verify', 'interrupted'],
    ['drill', 'interrupted'],
  ])('%s ends with 130 and one plain line', async (command, line) => {
    const { exitCode, stderr, text } = await interrupted(command, await archived());
    expect([exitCode, stderr, text]).toEqual([130, `clawback: ${line}\n`, '']);
  });

  it('is an error like any other to programs', async () => {
    const flags = 'archive --json --log-format json';
    const result = await interrupted(flags, await archived());
    const told = { code: 'interrupted', message: expect.stringMatching(/.+: interrupted$/) };
    expect([result.exitCode, result.json()]).toEqual([130, expect.objectContaining(told)]);
    expect(JSON.parse(result.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
      code: told.code,
      msg: told.message,
    });
  });
});
