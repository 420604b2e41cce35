import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { closedPort, PingServer } from '../support/ping-server.ts';
import { clockAt } from '../support/run-cli.ts';
import { DAY_MS, Home } from './support/home.ts';
import { threadOf, writeThreadStore } from './support/rooms.ts';
import { TRIM } from './support/trimmed.ts';

const CHANNEL = 'C0SECRET';

/** One old thread, and whatever watches over its runs. */
async function homeWith(settings: Record<string, unknown>): Promise<Home> {
  const home = await Home.create({ settings: { ...TRIM, ...settings } });
  const thread = threadOf(CHANNEL, '1762500000.000000', {
    sessionId: 's-1',
    updatedAtMs: home.nowMs - 40 * DAY_MS,
    text: 'words of a user',
  });
  await writeThreadStore(home.storePath(), { main: [thread] });
  return home;
}

const NOWHERE = 'file:///proc/nowhere';

test('a run pings at its start and its end, with nothing of a conversation', async () => {
  const server = await PingServer.start();
  const home = await homeWith({ healthcheck: { url: server.url } });
  const { stderr } = (await home.clawback('archive')).expect(0);
  expect([stderr, server.paths]).toEqual(['', ['/start', '']]);
  const [start, end] = server.pings;
  expect(end?.rid).toBe(start?.rid);
  expect(end?.body).toMatch(/^clawback archive: exit code 0 after \d+ s/);
  expect(JSON.stringify(server.pings).toLowerCase()).not.toMatch(/c0secret|words of a user/);
});

test('a run that fails says so, without a path', async () => {
  const server = await PingServer.start();
  const home = await homeWith({ healthcheck: { url: server.url }, archive: NOWHERE });
  const { exitCode, stderr } = await home.clawback('archive');
  expect(exitCode).toBe(1);
  expect(server.paths).toEqual(['/start', '/fail']);
  expect(server.pings[1]?.body).toMatch(/^clawback archive: exit code 1 after /);
  expect(server.pings[1]?.body).not.toMatch(/proc|nowhere/);
  // The URL is a secret also where everything goes wrong.
  expect(stderr).not.toContain('0d1c9a7e');
});

test('so does one that cannot begin, because OpenClaw’s own settings cannot be read', async () => {
  const server = await PingServer.start();
  const home = await homeWith({ healthcheck: { url: server.url } });
  await home.configureOpenClaw({ session: { store: 17 } });
  const { exitCode } = await home.clawback('archive');
  expect(exitCode).not.toBe(0);
  expect(server.paths).toEqual(['/start', '/fail']);
  expect(server.pings[1]?.body).toMatch(/\nended by an error: [a-z-]+$/);
});

test('a run that was stopped is noted, and neither a success nor a failure', async () => {
  const server = await PingServer.start();
  const home = await homeWith({ healthcheck: { url: server.url } });
  const quiet = new Writable({ write: (_chunk, _encoding, done) => done() });
  const exitCode = await run(['archive'], {
    stdout: quiet,
    stderr: quiet,
    env: home.env,
    clock: clockAt(home.nowMs),
    signal: AbortSignal.abort(),
  });
  expect([exitCode, server.paths]).toEqual([130, ['/start', '/log']]);
});

test('a dry run, and a look, ping nobody', async () => {
  const server = await PingServer.start();
  const home = await homeWith({ healthcheck: { url: server.url } });
  (await home.clawback('archive', '--dry-run')).expect(0);
  (await home.clawback('status')).expect(0);
  await home.clawback('doctor');
  expect(server.pings).toEqual([]);
});

test('a health check that is not there is a warning; the run is as good as ever', async () => {
  const url = `http://127.0.0.1:${await closedPort()}/0d1c9a7e-ping`;
  const home = await homeWith({ healthcheck: { url } });
  const { stderr, text } = (await home.clawback('archive')).expect(0);
  expect(text).toContain('protected rows trimmed');
  expect(stderr).toBe(
    [
      'clawback: WARNING: ping the health check (start): ECONNREFUSED',
      'clawback: WARNING: ping the health check (success): ECONNREFUSED',
      '',
    ].join('\n'),
  );
});

test('after each run the numbers lie there for Prometheus, after one that failed too', async () => {
  const home = await homeWith({});
  const folder = join(home.root, 'textfile');
  await mkdir(folder);
  const settings = { ...TRIM, instance: 'oc-here', metrics: { textfile: join(folder, 'clawback.prom') } };
  const metric = async (name: string) => {
    const text = await readFile(join(folder, 'clawback.prom'), 'utf8');
    const [, value] =
      new RegExp(`^${name}\\{instance="oc-here",command="archive"\\} (.*)$`, 'm').exec(text) ?? [];
    return Number(value);
  };
  await home.configure(settings);
  (await home.clawback('archive')).expect(0);
  const firstMs = home.nowMs;
  expect(await metric('clawback_last_run_exit_code')).toBe(0);
  expect(await metric('clawback_last_success_timestamp_seconds')).toBe(firstMs / 1000);

  home.nowMs += DAY_MS;
  await writeFile(home.storePath(), 'no JSON');
  (await home.clawback('archive')).expect(1);
  expect(await metric('clawback_last_run_exit_code')).toBe(1);
  expect(await metric('clawback_last_run_timestamp_seconds')).toBe(home.nowMs / 1000);
  expect(await metric('clawback_last_success_timestamp_seconds')).toBe(firstMs / 1000);
  expect(await readdir(folder)).toEqual(['clawback.prom']);
});

test('numbers that cannot be left are a warning, and doctor says what to do', async () => {
  const textfile = '/nowhere/at/all/clawback.prom';
  const home = await homeWith({ metrics: { textfile } });
  const { stderr } = (await home.clawback('archive')).expect(0);
  expect(stderr).toMatch(
    /^clawback: WARNING: leave the numbers of this run for Prometheus: ENOENT.*\/nowhere\/at\/all\//,
  );
  const { text } = await home.clawback('doctor', '--no-probe');
  expect(text).toMatch(
    /monitoring\n {2}WARNING {2}leave numbers for Prometheus in \/nowhere\/at\/all: ENOENT/,
  );
});

test('a log in JSON has the warnings of Node in it', async () => {
  const home = await homeWith({});
  const preloaded = join(home.root, 'warn.cjs');
  await writeFile(preloaded, "setImmediate(() => process.emitWarning('an odd thing'));");
  home.env.NODE_OPTIONS = `--require=${preloaded}`;
  const { stderr } = (await home.compiled(process.execPath, 'status', '--log-format', 'json')).expect(0);
  expect(JSON.parse(stderr)).toMatchObject({ level: 'warning', msg: 'Warning: an odd thing' });
});

test('clawback nightly pings once a night', async () => {
  const server = await PingServer.start();
  const home = await homeWith({
    healthcheck: { url: server.url },
    nightly: { at: '04:30', timeZone: 'UTC', jitter: '1m' },
  });
  const stop = new AbortController();
  let log = '';
  const stderr = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      if ((log.match(/"run ended"/g) ?? []).length === 2) stop.abort();
      done();
    },
  });
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done() });
  const clock = clockAt(home.nowMs);
  const argv = ['nightly', '--log-format', 'json'];
  await run(argv, { stdout, stderr, env: home.env, clock, signal: stop.signal });
  expect(server.paths).toEqual(['/start', '', '/start', '']);
  expect(new Set(server.pings.map(({ rid }) => rid)).size).toBe(2);
  const entries = log
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(entries.slice(0, 4)).toMatchObject([
    {
      time: '2026-11-21T09:30:00.000Z',
      level: 'info',
      msg: 'waits for the next run',
      nextRunAt: expect.stringMatching(/^2026-11-22T04:3/),
    },
    { time: expect.stringMatching(/^2026-11-22T04:3/), level: 'info', msg: 'run begins' },
    {
      time: expect.any(String),
      level: 'info',
      msg: 'archive ended',
      runId: expect.any(String),
      exitCode: 0,
      durationMs: 0,
      protectedRowsTrimmed: 1,
    },
    { time: expect.any(String), level: 'info', msg: 'run ended', exitCode: 0 },
  ]);
});

test.each([
  [
    ['reclaim', '--max-disk', '1KB', '--high-water', '1KB'],
    3,
    { runId: expect.stringMatching(/^2026/), filesReclaimed: 0, freedBytes: 0, isOver: true },
  ],
  [['reclaim', '--max-disk', '1GB'], 0, { filesReclaimed: 0, isOver: false }],
  [['verify'], 0, { manifests: 1, packs: 1, sessions: 1, packsRead: 0, bytesRead: 0, differences: 0 }],
  [['verify', '--read-data'], 0, { packsRead: 1, bytesRead: expect.any(Number) }],
  [['forget', '--older-than', '1d', '--dry-run'], 0, { sessions: 1, marked: false }],
])('the log in JSON of %j ends with how it ended', async (argv, exitCode, fields) => {
  const home = await homeWith({});
  await home.json('archive');
  const { stderr, text } = (await home.clawback(...argv, '--log-format', 'json')).expect(exitCode);
  const ended = {
    time: expect.any(String),
    level: exitCode === 0 ? 'info' : 'error',
    msg: `${argv[0]} ended`,
    exitCode,
    durationMs: 0,
  };
  const last: unknown = JSON.parse(stderr.trim().split('\n').at(-1) ?? '');
  expect(last).toMatchObject({ ...ended, ...fields });
  expect(JSON.stringify(last).toLowerCase()).not.toMatch(/c0secret|words of a user/);
  expect(text).not.toBe('');
  const quiet = (await home.clawback(...argv, '--quiet', '--log-format', 'json')).expect(exitCode);
  expect(quiet.stderr).not.toContain(' ended');
});
