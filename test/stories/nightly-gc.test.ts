import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { acquireLeases } from '../../src/leases/leases.ts';
import { leaseKey } from '../../src/manifest/keys.ts';
import { StoreLock } from '../../src/state/store-lock.ts';
import { openHomeArchive } from '../support/fault-stories.ts';
import { PingServer } from '../support/ping-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { ErrorJson, ListJson } from './support/answers.ts';
import { DAY_MS, type Home } from './support/home.ts';
import { lifeHome } from './support/life.ts';
import { TRIM } from './support/trimmed.ts';

interface DoctorJson {
  readonly checks: readonly {
    readonly name: string;
    readonly findings: readonly { readonly text: string }[];
  }[];
}

/** Three archived threads, of which the first is forgotten for longer than the grace. */
async function forgotten(settings: Readonly<Record<string, unknown>>) {
  const { home, keys } = await lifeHome();
  await home.configure({ ...TRIM, ...settings });
  await home.json('forget', keys[0], '--yes');
  home.nowMs += 8 * DAY_MS;
  const left = async () => (await home.json<ListJson>('list', '--forgotten')).sessions.length;
  const advice = async () => {
    const { checks } = (await home.clawback('doctor', '--json')).expect(0).json<DoctorJson>();
    const texts = checks.find(({ name }) => name === 'archive')?.findings.map(({ text }) => text) ?? [];
    return texts.filter((text) => text.includes('gc.grace'));
  };
  return { home, keys, left, advice };
}

/** Then nobody knows what is forgotten. */
async function addBadMark(home: Home): Promise<void> {
  const [instance = ''] = await readdir(home.archiveDir);
  await writeFile(join(home.archiveDir, instance, 'marks', '20261201t000000z-00000000.json.zst'), 'x');
}

describe('a night with nightly.gc', () => {
  test('deletes what is forgotten for longer than its grace, after reclaim and before the drill', async () => {
    const { home, left, advice } = await forgotten({
      nightly: { gc: true },
      diskBudget: { maxDiskBytes: '1GB' },
    });
    expect(await advice()).toEqual(['1 forgotten session is past gc.grace: the next night deletes them']);
    const { text, stderr } = (await home.clawback('nightly', '--once')).expect(0);
    expect(text.match(/^== \w+$/gm)).toEqual(['== archive', '== reclaim', '== gc', '== drill']);
    expect(text).toContain('deleted 1 session');
    expect(text + stderr).not.toMatch(/slack:channel:c0life:thread:1762500001/);
    expect(stderr).not.toContain('gc.grace');
    expect(await left()).toBe(0);
    expect(await advice()).toEqual([]);
    const again = (await home.clawback('nightly', '--once', '--json')).expect(0).text;
    const schemas = [...again.matchAll(/"schema": "clawback\.(\w+)\/1"/g)].map(([, name]) => name);
    expect(schemas).toEqual(['archive', 'reclaim', 'gc']);
  });

  test('is in what the health check and Prometheus are told, in numbers', async () => {
    const server = await PingServer.start();
    const { home } = await forgotten({});
    const textfile = join(home.root, 'prom', 'clawback.prom');
    await mkdir(join(home.root, 'prom'));
    await home.configure({
      ...TRIM,
      ...{ healthcheck: { url: server.url }, metrics: { textfile }, nightly: { gc: true } },
    });
    (await home.clawback('nightly', '--once')).expect(0);
    expect(server.paths).toEqual(['/start', '']);
    expect(server.pings[1]?.body).toMatch(/^gc on oc-\w+: exit code 0\n {2}done: sessionsDeleted 1, /m);
    expect(server.pings[1]?.body).not.toContain('slack');
    const metrics = await readFile(textfile, 'utf8');
    expect(metrics).toMatch(/^clawback_last_run_exit_code\{instance="oc-\w+",command="gc"\} 0$/m);
    expect(metrics).toMatch(/^clawback_last_run_deleted_sessions\{instance="oc-\w+",command="gc"\} 1$/m);
    expect(metrics).toMatch(/^clawback_last_run_exit_code\{instance="oc-\w+",command="archive"\} 0$/m);
    expect(metrics).toMatch(/^clawback_archive_sessions\{/m);

    await addBadMark(home);
    home.nowMs += DAY_MS;
    (await home.clawback('nightly', '--once')).expect(1);
    expect(server.paths.slice(2)).toEqual(['/start', '/fail']);
    expect(server.pings[3]?.body).toMatch(/^gc on oc-\w+: exit code 1$/m);
    const after = await readFile(textfile, 'utf8');
    expect(after).toMatch(/^clawback_last_run_exit_code\{instance="oc-\w+",command="gc"\} 1$/m);
    expect(after).not.toContain('clawback_last_run_deleted_sessions');
  });

  test('tries a collection whatever became of the archive run, and the other way round', async () => {
    const { home, left } = await forgotten({ nightly: { gc: true } });
    const lock = await StoreLock.acquire(home.sessionsDir(), 'clawback restore', home.nowMs);
    const { text, stderr } = (await home.clawback('nightly', '--once')).expect(1);
    await lock.release();
    expect(text.match(/^== \w+$/gm)).toEqual(['== archive', '== gc', '== drill']);
    expect(stderr.match(/clawback restore/g)?.length).toBeGreaterThanOrEqual(2);
    expect(await left()).toBe(1);
  });
});

describe('a night with nightly.gc in which another host works on a store of its own in the same instance', () => {
  async function beside() {
    const textfile = join(await temporaryFolder(), 'clawback.prom');
    const night = await forgotten({ metrics: { textfile }, nightly: { gc: true } });
    const archive = await openHomeArchive(night.home);
    const options = { command: 'clawback archive', clock: { nowMs: () => night.home.nowMs } };
    return { ...night, textfile, leases: await acquireLeases(archive, ['elsewhere'], options) };
  }

  test('leaves gc to the next night, says so, and ends with 0', async () => {
    const { home, left, leases, textfile } = await beside();
    const { text, stderr } = (await home.clawback('nightly', '--once')).expect(0);
    expect(text.match(/^== \w+$/gm)).toEqual(['== archive', '== gc', '== drill']);
    expect(stderr).toMatch(
      /gc is left to the next night: take the lease of store elsewhere: held by clawback archive, process \d+/,
    );
    expect(await readFile(textfile, 'utf8')).not.toContain('command="gc"');
    expect(await left()).toBe(1);
    const json = (await home.clawback('nightly', '--once', '--json')).expect(0);
    expect(json.text).not.toContain('clawback.error/1');
    expect((await home.clawback('nightly', '--once', '--quiet')).expect(0).stderr).toBe('');
    await leases.release();
    expect((await home.clawback('nightly', '--once')).expect(0).text).toContain('deleted 1 session');
    expect(await left()).toBe(0);
  });

  test('is no excuse for a gc by hand', async () => {
    const { home, left, leases } = await beside();
    const refused = (await home.clawback('gc', '--json')).expect(1).json<ErrorJson>();
    expect(refused).toMatchObject({ schema: 'clawback.error/1', code: 'locked', retryable: true });
    expect(await left()).toBe(1);
    await leases.release();
  });

  test('fails where the lease is nothing that can be read: no night mends that', async () => {
    const { home, left, leases } = await beside();
    await leases.release();
    const { objects, instance } = await openHomeArchive(home);
    await objects.put(leaseKey(instance, 'elsewhere', 99), Buffer.from('no lease'));
    expect((await home.clawback('nightly', '--once')).expect(1).stderr).toContain('is no lease we can read');
    expect(await left()).toBe(1);
  });
});

describe('a night without nightly.gc', () => {
  test('deletes nothing, and says how much waits for clawback gc; so does doctor', async () => {
    const { home, keys, left, advice } = await forgotten({});
    expect(await advice()).toEqual([
      '1 forgotten session is past gc.grace, and nothing deletes them by itself',
    ]);
    const said = '1 forgotten session past gc.grace: clawback gc deletes them';
    const { text, stderr } = (await home.clawback('nightly', '--once')).expect(0);
    expect(text.match(/^== \w+$/gm)).toEqual(['== archive', '== drill']);
    expect(stderr).toContain(said);
    expect(stderr).not.toContain(keys[0]);
    expect(await left()).toBe(1);
    const log = (await home.clawback('nightly', '--once', '--log-format', 'json')).expect(0).stderr;
    const entries = log.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
    expect(entries).toContainEqual(expect.objectContaining({ level: 'info', forgottenPastGrace: 1 }));
    (await home.clawback('gc')).expect(0);
    expect((await home.clawback('nightly', '--once')).expect(0).stderr).not.toContain('gc.grace');
    expect(await advice()).toEqual([]);
  });

  test('says nothing of what may still be taken back', async () => {
    const { home, keys } = await lifeHome();
    await home.json('forget', keys[0], '--yes');
    expect((await home.clawback('nightly', '--once')).expect(0).stderr).not.toContain('gc.grace');
  });

  test('is none the worse where the marks cannot be read', async () => {
    const { home } = await forgotten({ nightly: { drillEvery: 'off' } });
    await addBadMark(home);
    const { stderr } = (await home.clawback('nightly', '--once')).expect(0);
    expect(stderr).toMatch(/WARNING: look for what is forgotten: read mark/);
  });
});
