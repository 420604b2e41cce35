import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkNode } from '../../src/doctor/check-runtime.ts';
import { runCli } from '../support/run-cli.ts';
import { Home } from './support/home.ts';
import { listenAsGateway } from './support/mute-gateway.ts';
import { writeThreadStore } from './support/rooms.ts';
import { fingerprint } from './support/tree.ts';
import { oldThread, oldThreadHome, trimmedHome } from './support/trimmed.ts';

type Level = 'ok' | 'warning' | 'problem';

interface DoctorJson {
  readonly stateDir: string;
  readonly level: Level;
  readonly checks: readonly {
    readonly name: string;
    readonly level: Level;
    readonly findings: readonly { readonly level: Level; readonly text: string; readonly advice?: string }[];
  }[];
}

async function diagnose(home: Home, exitCode: 0 | 1, ...flags: string[]): Promise<DoctorJson> {
  return (await home.clawback('doctor', '--json', ...flags)).expect(exitCode).json<DoctorJson>();
}

function check({ checks }: DoctorJson, name: string) {
  const found = checks.find((one) => one.name === name);
  return {
    level: found?.level,
    findings: found?.findings ?? [],
    text: found?.findings.map(({ text }) => text).join('\n') ?? '',
  };
}

describe('a home where a nightly run goes through', () => {
  test('passes every check, with exit code 0, and nothing is changed', async () => {
    const home = await oldThreadHome();
    const before = await fingerprint(home.root);
    const json = await diagnose(home, 0);
    expect(json.level).toBe('ok');
    expect(json.checks.map(({ name }) => name)).toEqual([
      'runtime',
      'settings',
      'openclaw',
      'stores',
      'permissions',
      'gateway',
      'evidence',
      'cap',
      'space',
      'archive',
      'drill',
    ]);
    expect(check(json, 'stores').text).toContain(`agent main: ${home.storePath()}, 1 row`);
    expect(await fingerprint(home.root)).toEqual(before);
  });

  test('is told so in words', async () => {
    const { text } = (await (await oldThreadHome()).clawback('doctor')).expect(0);
    expect(text).toMatch(/a nightly run would go through$/m);
    expect(text).toContain('no gateway is up');
    expect(text).not.toMatch(/WARNING|PROBLEM|undefined/);
  });

  test('prints the fields that docs/cli-json.md names', async () => {
    const docs = await readFile(new URL('../../docs/cli-json.md', import.meta.url), 'utf8');
    const section = docs.split(/^## /m).find((part) => part.startsWith('`clawback.doctor/1`')) ?? '';
    const json = await diagnose(await oldThreadHome(), 0);
    const names = [...Object.keys(json), ...json.checks.flatMap((one) => [one.name, ...Object.keys(one)])];
    for (const name of names.filter((one) => one !== 'schema'))
      expect(section).toMatch(new RegExp(`\`${name}(\\[\\])?\``));
  });
});

describe('the settings', () => {
  test('are listed with where each comes from', async () => {
    const home = await oldThreadHome();
    home.env.CLAWBACK_RETENTION_PRUNE_AFTER = '90d';
    const json = await diagnose(home, 0, '--jobs', '3');
    const { text } = check(json, 'settings');
    expect(text).toContain(`settings file ${join(home.stateDir, 'clawback.json')}`);
    expect(text).toContain('retention.protectedPruneAfter = "7d" from that file');
    expect(text).toContain(
      'retention.pruneAfter = "90d" from the environment, CLAWBACK_RETENTION_PRUNE_AFTER',
    );
    expect(text).toContain('jobs = 3 from the flag --jobs');
  });

  test('that do not hold are a problem, and the rest is looked at all the same', async () => {
    const home = await oldThreadHome();
    await home.configure({ retention: { protectedPruneAfter: '7' } });
    const json = await diagnose(home, 1);
    expect(check(json, 'settings')).toMatchObject({
      level: 'problem',
      text: expect.stringContaining('"7d"'),
    });
    expect(check(json, 'gateway').level).toBe('ok');
    const { text } = (await home.clawback('doctor')).expect(1);
    expect(text).toContain('a nightly run would FAIL: 1 problem to mend first');
  });

  test('of OpenClaw that do not parse are a problem', async () => {
    const home = await oldThreadHome();
    await writeFile(join(home.stateDir, 'openclaw.json'), '{ torn');
    expect(check(await diagnose(home, 1), 'openclaw').level).toBe('problem');
  });
});

describe('the stores', () => {
  test('that have moved to SQLite are named; alone they are a problem, beside others a warning', async () => {
    const home = await oldThreadHome();
    await mkdir(join(home.stateDir, 'agents', 'main', 'session-sqlite-import-archive'));
    const alone = check(await diagnose(home, 1), 'stores');
    expect(alone.text).toMatch(/agent main: its sessions have moved to SQLite/);
    await writeThreadStore(home.storePath('research'), { research: [oldThread(home)] });
    expect(check(await diagnose(home, 0), 'stores').level).toBe('warning');
  });

  test('that are links are a warning with what to do', async () => {
    const home = await oldThreadHome();
    await writeThreadStore(home.storePath('research'), { research: [oldThread(home)] });
    await rm(home.storePath());
    await symlink(home.storePath('research'), home.storePath());
    const { level, findings } = check(await diagnose(home, 0), 'stores');
    expect(level).toBe('warning');
    expect(findings[0]?.advice).toContain('session.store');
  });

  test('that cannot be parsed are a problem', async () => {
    const home = await oldThreadHome();
    await writeFile(home.storePath(), '{ "agent:main:main": ');
    const { level, text } = check(await diagnose(home, 1), 'stores');
    expect(level).toBe('problem');
    expect(text).toContain('sessions.json');
  });

  test('that are nowhere are a problem with a hint', async () => {
    const home = await Home.create();
    const { findings } = check(await diagnose(home, 1), 'stores');
    expect(findings.at(-1)).toMatchObject({
      level: 'problem',
      advice: expect.stringContaining('--state-dir'),
    });
  });
});

test('a gateway that is up without the plugin is a warning, with what makes a run exact', async () => {
  const home = await oldThreadHome();
  await home.configureOpenClaw({ gateway: { mode: 'local', port: await listenAsGateway() } });
  const { level, findings } = check(await diagnose(home, 0), 'gateway');
  expect(level).toBe('warning');
  expect(findings[0]?.text).toMatch(/cannot be asked to change rows.* watches each of its changes/);
  expect(findings[0]?.advice).toBeDefined();
});

test('evidence that cannot be read is a warning: a run would keep every row', async () => {
  const home = await oldThreadHome();
  await mkdir(join(home.stateDir, 'cron'));
  await writeFile(join(home.stateDir, 'cron', 'jobs.json'), '{ torn');
  const { level, text } = check(await diagnose(home, 0), 'evidence');
  expect(level).toBe('warning');
  expect(text).toMatch(/cron\/jobs\.json.*keeps every row/);
});

test('protected rows that reach the cap are a warning with the number to set', async () => {
  const { home } = await trimmedHome({ openclaw: { session: { maintenance: { maxEntries: 2 } } } });
  const { level, findings } = check(await diagnose(home, 0), 'cap');
  expect(level).toBe('warning');
  expect(findings[0]?.text).toMatch(/2 protected rows reach/);
  expect(findings[0]?.advice).toContain('maxEntries to 100');
});

describe('permissions', () => {
  test('that let others write are a warning', async () => {
    const home = await oldThreadHome();
    await chmod(home.sessionsDir(), 0o777);
    const { level, findings } = check(await diagnose(home, 0), 'permissions');
    expect(level).toBe('warning');
    expect(findings[0]).toMatchObject({
      text: `${home.sessionsDir()} has mode 777: others than its owner may write there`,
      advice: `chmod go-w ${home.sessionsDir()}`,
    });
  });

  test.skipIf(process.getuid?.() === 0)('that keep us from writing are a problem', async () => {
    const home = await oldThreadHome();
    await chmod(home.sessionsDir(), 0o500);
    onTestFinished(() => chmod(home.sessionsDir(), 0o700));
    expect(check(await diagnose(home, 1), 'permissions').level).toBe('problem');
  });

  test('a state folder that does not exist is a problem', async () => {
    const home = await Home.create();
    const result = await runCli(['doctor', '--json', '--state-dir', join(home.root, 'nowhere')], {
      env: home.env,
      nowMs: home.nowMs,
    });
    expect(check(result.expect(1).json<DoctorJson>(), 'permissions').text).toContain('nowhere');
  });

  test('a state folder that is a file is a problem, and no bug of ours', async () => {
    const home = await Home.create();
    const file = join(home.root, 'file');
    await writeFile(file, '');
    const options = { env: home.env, nowMs: home.nowMs };
    const doctor = (await runCli(['doctor', '--json', '--state-dir', file], options)).expect(1);
    expect(check(doctor.json<DoctorJson>(), 'settings').text).toContain(`${file}: it is a file`);
    expect(check(doctor.json<DoctorJson>(), 'permissions').findings[0]?.advice).toContain('--state-dir');
    const status = (await runCli(['status', '--state-dir', file], options)).expect(2);
    expect(status.stderr).toContain('name the OpenClaw state folder with --state-dir');
  });
});

describe('the Node version', () => {
  test.each(['20.19.0', '22.15.1', '24.0.0'])('%s will do', (version) => {
    expect(checkNode(version).level).toBe('ok');
  });

  test.each(['18.20.4', '20.18.9'])('%s is a problem', (version) => {
    expect(checkNode(version)).toMatchObject({
      level: 'problem',
      advice: expect.stringContaining('install Node'),
    });
  });
});
