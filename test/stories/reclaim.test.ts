import { execFileSync } from 'node:child_process';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import { openInstallation } from '../../src/installation.ts';
import { reclaimRun } from '../../src/runs/reclaim-run.ts';
import { tombstoneMark } from '../../src/sessions/row.ts';
import { lostFiles, readOriginals } from '../support/fault-stories.ts';
import { clockAt } from '../support/run-cli.ts';
import type { ListJson, ReclaimJson } from './support/answers.ts';
import { DAY_MS, Home, type Settings } from './support/home.ts';
import { listenAsGateway } from './support/mute-gateway.ts';
import { threadOf, transcriptName, writeAged, writeThreadStore } from './support/rooms.ts';
import { filesBelow, fingerprint, readTree } from './support/tree.ts';
import { TRIM } from './support/trimmed.ts';

const KB = 1024;
const MB = 1024 * KB;

/** A tenth of the Slack report's rows, with small files of every kind. */
async function slackHome(settings: Settings = {}): Promise<Home> {
  const home = await Home.create({ settings });
  await writeSlackStore({ stateDir: home.stateDir, nowMs: home.nowMs, countScale: 0.1, sizeScale: 0.05 });
  return home;
}

async function reclaim(home: Home, ...argv: string[]): Promise<ReclaimJson & { exitCode: number }> {
  const result = await home.clawback('reclaim', '--json', ...argv);
  return { ...result.json<ReclaimJson>(), exitCode: result.exitCode };
}

const stepNames = ({ steps }: ReclaimJson) => steps.map(({ step }) => step);

describe('a disk within its budget', () => {
  test('is measured, and nothing else is done: no archive comes to be', async () => {
    const home = await slackHome();
    const before = await fingerprint(home.stateDir);
    const { before: use, after, steps, isOver, runId, exitCode } = await reclaim(home, '--max-disk', '1GB');
    expect({ steps, isOver, runId, exitCode }).toEqual({
      steps: [],
      isOver: false,
      runId: null,
      exitCode: 0,
    });
    expect(after).toEqual(use);
    expect(await fingerprint(home.stateDir)).toEqual(before);
    expect(await filesBelow(home.root)).not.toContain('archive');
  });

  test('is measured in blocks of the file system, as du does', async () => {
    const home = await slackHome();
    const { before } = await reclaim(home, '--max-disk', '1GB');
    expect(before.files).toBe((await filesBelow(home.sessionsDir())).length);
    const blocks = execFileSync('find', [home.sessionsDir(), '-type', 'f', '-printf', '%b\n']).toString();
    const sum = blocks.split('\n').reduce((total, n) => total + Number(n) * 512, 0);
    expect(before.diskBytes).toBe(sum);
    expect(Object.values(before.byKind).reduce((total, { diskBytes }) => total + diskBytes, 0)).toBe(sum);
  });
});

describe('a disk over its budget', () => {
  test('is freed down to high water, and no further: stale temporaries first, then unreferenced files', async () => {
    const home = await slackHome();
    const originals = await readOriginals(home);
    const rows = await home.storeText();
    const { before } = await reclaim(home, '--max-disk', '1GB');
    const budget = Math.floor(before.diskBytes * 0.9);
    const run = await reclaim(home, '--max-disk', `${budget}B`, '--high-water', '90%');
    expect(run.exitCode).toBe(0);
    expect(stepNames(run)).toEqual(['temporaries', 'orphans']);
    expect(run.after.diskBytes).toBeLessThanOrEqual(budget * 0.9);
    // One session more than was needed, at most.
    expect(run.after.diskBytes).toBeGreaterThan(budget * 0.9 - MB);
    expect(run.done.freedBytes).toBe(run.steps.reduce((sum, { freedBytes }) => sum + freedBytes, 0));
    expect(before.diskBytes - run.after.diskBytes).toBe(run.done.freedBytes);
    expect(await home.storeText()).toBe(rows);
    expect(await lostFiles(home, originals)).toEqual([]);
    await home.json('verify', '--read-data');
  });

  test('does exactly what the dry run says', async () => {
    const home = await slackHome({ diskBudget: { protectedFloor: '3d' } });
    const { before } = await reclaim(home, '--max-disk', '1GB');
    const argv = ['--max-disk', `${Math.floor(before.diskBytes / 6)}B`];
    const untouched = await fingerprint(home.root);
    const planned = await reclaim(home, ...argv, '--dry-run');
    expect(await fingerprint(home.root)).toEqual(untouched);
    expect(stepNames(planned)).toEqual(['temporaries', 'orphans', 'trajectories', 'protected']);
    const done = await reclaim(home, ...argv);
    expect(
      done.steps.map(({ step, sessions, files, plannedBytes }) => ({ step, sessions, files, plannedBytes })),
    ).toEqual(planned.steps.map(({ plan: _plan, ...step }) => step));
    expect(done.done.freedBytes).toBeGreaterThanOrEqual(
      planned.steps.reduce((sum, { plannedBytes }) => sum + plannedBytes, 0),
    );
    expect(done.exitCode).toBe(planned.exitCode);
  });

  test('keeps transcripts and rows of live conversations: only their flight recorders go', async () => {
    const home = await slackHome();
    const before = await readTree(home.sessionsDir());
    const run = await reclaim(home, '--max-disk', '1KB');
    expect(stepNames(run)).toEqual(['temporaries', 'orphans', 'trajectories']);
    expect(run.done).toMatchObject({ protectedRowsTrimmed: 0 });
    expect(run.done.trajectorySessionsArchived).toBeGreaterThan(10);
    const after = await readTree(home.sessionsDir());
    const rows = Object.values(await home.rows());
    const transcripts = rows.map((row) => String(row.sessionFile).split('/').at(-1) ?? '');
    const kept = transcripts.filter((name) => before[name] !== undefined);
    expect(kept.length).toBeGreaterThan(40);
    for (const name of kept) expect(after[name]).toEqual(before[name]);
    expect(rows.some((row) => tombstoneMark(row) !== undefined)).toBe(false);
    // Over it still, and it says so: what is left, and what would let it go.
    expect(run).toMatchObject({ isOver: true, exitCode: 3 });
    expect(run.held.map(({ reason }) => reason)).toContain('protected-off');
    expect(run.held.reduce((sum, { diskBytes }) => sum + diskBytes, 0)).toBeLessThanOrEqual(
      run.after.diskBytes,
    );
    const text = (await home.clawback('reclaim', '--max-disk', '1KB')).expect(3).text;
    expect(text).toContain('STILL OVER the disk budget');
    expect(text).toContain('set diskBudget.protectedFloor');
    expect(text).toContain('an answer waits for delivery');
  });

  test('a flight recorder comes back like any archived file', async () => {
    const home = await slackHome();
    const before = await readTree(home.sessionsDir());
    await reclaim(home, '--max-disk', '1KB');
    const { sessions } = await home.json<ListJson>('list', '--key', 'agent:*:thread:*');
    const one = sessions.find(({ action, kind }) => action === 'files' && kind === 'thread');
    const { files, row } = await home.json<{ files: { name: string }[]; row: string }>(
      'restore',
      one?.archiveId ?? '',
    );
    expect(row).toBe('none');
    expect(files).toHaveLength(1);
    const name = files[0]?.name ?? '';
    expect(name).toMatch(/\.trajectory\.jsonl$/);
    expect((await readTree(home.sessionsDir()))[name]).toEqual(before[name]);
  });

  test('trims protected conversations last, the oldest first, and none younger than the floor', async () => {
    const home = await Home.create({ settings: { diskBudget: { protectedFloor: '7d' } } });
    const ages = [30, 20, 10, 3];
    const threads = ages.map((days) =>
      threadOf('C0A', `17625000${days}.000000`, {
        sessionId: `s-${days}`,
        updatedAtMs: home.nowMs - days * DAY_MS,
        text: 'x'.repeat(20_000),
      }),
    );
    await writeThreadStore(home.storePath(), { main: threads });
    const trimmed = async () =>
      Object.values(await home.rows())
        .filter((row) => tombstoneMark(row) !== undefined)
        .map((row) => (row.usageFamilySessionIds as string[]).at(-1))
        .sort();
    const { before } = await reclaim(home, '--max-disk', '1GB');
    const one = await reclaim(home, '--max-disk', `${before.diskBytes - 1}B`, '--high-water', '100%');
    expect(one).toMatchObject({ exitCode: 0, done: { protectedRowsTrimmed: 1 } });
    expect(await trimmed()).toEqual(['s-30']);
    const all = await reclaim(home, '--max-disk', '1KB');
    expect(all).toMatchObject({ exitCode: 3, done: { protectedRowsTrimmed: 2 } });
    expect(await trimmed()).toEqual(['s-10', 's-20', 's-30']);
    expect(all.held.map(({ reason }) => reason)).toContain('protected-young');
    const [young] = threads.slice(-1);
    expect(await readdir(home.sessionsDir())).toContain(young && transcriptName(young));
  });

  test('beside a running gateway nothing is lost, and rows are watched until they hold', async () => {
    const home = await slackHome({ diskBudget: { protectedFloor: '3d' } });
    await home.configureOpenClaw({ gateway: { mode: 'local', port: await listenAsGateway() } });
    const originals = await readOriginals(home);
    const run = await reclaim(home, '--max-disk', '1KB');
    expect(run.road).toMatchObject({ name: 'outside' });
    expect(run.done.protectedRowsTrimmed).toBeGreaterThan(5);
    expect(await lostFiles(home, originals)).toEqual([]);
    expect((await readdir(home.sessionsDir())).filter((name) => name.startsWith('.clawback'))).toEqual([]);
  });
});

/** A thread that was archived and restored, eight days ago. */
async function restoredHome() {
  const home = await Home.create({ settings: TRIM });
  const thread = threadOf('C0A', '1762500000.000000', {
    sessionId: 's-1',
    updatedAtMs: home.nowMs - 9 * DAY_MS,
    text: 'long '.repeat(10_000),
  });
  await writeThreadStore(home.storePath(), { main: [thread] });
  const key = `agent:main:${thread.rest}`;
  const transcript = join(home.sessionsDir(), transcriptName(thread));
  const bytes = await readFile(transcript);
  await home.json('archive');
  await home.json('restore', key);
  home.nowMs += 8 * DAY_MS;
  return { home, key, transcript, bytes };
}

const packsIn = async (home: Home) =>
  Object.keys(await home.objects()).filter((name) => name.includes('/packs/'));

describe('what the archive holds already', () => {
  test('goes again without an upload: a restored conversation that nobody used', async () => {
    const { home, key, transcript, bytes } = await restoredHome();
    const packs = await packsIn(home);
    const run = await reclaim(home, '--max-disk', '1KB');
    expect(run.steps).toMatchObject([{ step: 'copies', sessions: 1, files: 1 }]);
    expect(run.done).toMatchObject({ protectedRowsTrimmed: 1, filesArchived: 0, filesReclaimed: 1 });
    expect(await packsIn(home)).toEqual(packs);
    expect(tombstoneMark((await home.rows())[key] ?? {})).toBeDefined();
    await expect(readFile(transcript)).rejects.toThrow('ENOENT');
    await home.json('restore', key);
    expect(await readFile(transcript)).toEqual(bytes);
  });

  test('is proven while whoever watches is told so', async () => {
    const { home } = await restoredHome();
    const { stateDir, env, nowMs } = home;
    const installation = await openInstallation({ stateDir, env, clock: clockAt(nowMs) });
    const phases: (string | undefined)[] = [];
    await reclaimRun(installation, {
      budget: { maxDiskBytes: KB, highWaterBytes: KB, protectedFloorMs: DAY_MS },
      onProgress: ({ phase }) => phases.push(phase?.name),
    });
    // The second pass finds nothing more to take.
    expect(phases).toEqual(['planning', 'proving', 'planning']);
  });

  test('is no copy once it is forgotten there: it is archived anew, and survives the collection', async () => {
    const { home, key, transcript, bytes } = await restoredHome();
    await home.json('forget', key, '--yes');
    const run = await reclaim(home, '--max-disk', '1KB');
    expect(run.steps).toMatchObject([{ step: 'protected', sessions: 1 }]);
    expect(run.done).toMatchObject({ protectedRowsTrimmed: 1, filesArchived: 1 });
    home.nowMs += 8 * DAY_MS;
    expect(await home.json('gc')).toMatchObject({ batchesDeleted: 1, problems: [] });
    await home.json('restore', key);
    expect(await readFile(transcript)).toEqual(bytes);
  });

  test('stays where its row is another by now: it is archived as it is', async () => {
    const { home, key } = await restoredHome();
    await home.changeRows((rows) => ({ ...rows, [key]: { ...rows[key], label: 'renamed' } }));
    const run = await reclaim(home, '--max-disk', '1KB');
    expect(run.steps).toMatchObject([{ step: 'protected', sessions: 1 }]);
    expect(run.done).toMatchObject({ protectedRowsTrimmed: 1, filesArchived: 1 });
  });

  test('stays, and is archived anew, where the archive is damaged by now', async () => {
    const { home, key, transcript, bytes } = await restoredHome();
    const [pack = ''] = await packsIn(home);
    const path = join(home.archiveDir, pack);
    const stored = await readFile(path);
    stored[stored.length >> 1] = (stored[stored.length >> 1] ?? 0) ^ 0xff;
    await writeFile(path, stored);
    const run = await reclaim(home, '--max-disk', '1KB');
    expect(run.exitCode).toBe(3);
    expect(run.problems).toHaveLength(1);
    expect(run.steps.map(({ step, freedBytes }) => [step, freedBytes > 0])).toEqual([
      ['copies', false],
      ['protected', true],
    ]);
    await home.json('restore', key);
    expect(await readFile(transcript)).toEqual(bytes);
  });

  test('of a killed run is freed by the next one', async () => {
    const home = await slackHome();
    const name = `${'a'.repeat(8)}-0000-4000-8000-000000000001.trajectory.jsonl`;
    await writeAged(join(home.sessionsDir(), name), 'y'.repeat(100_000), home.nowMs - 30 * DAY_MS);
    await reclaim(home, '--max-disk', '1KB');
    // Put back by hand, as a backup of the host would.
    await writeAged(join(home.sessionsDir(), name), 'y'.repeat(100_000), home.nowMs - 30 * DAY_MS);
    const packs = await packsIn(home);
    const run = await reclaim(home, '--max-disk', '1KB');
    expect(run.steps.find(({ step }) => step === 'copies')).toMatchObject({ sessions: 1, files: 1 });
    expect(run.done.filesArchived).toBe(0);
    expect(await packsIn(home)).toEqual(packs);
    expect(await readdir(home.sessionsDir())).not.toContain(name);
  });

  test('counts only byte for byte: a file of the same name and size is archived', async () => {
    const home = await slackHome();
    const name = `${'b'.repeat(8)}-0000-4000-8000-000000000001.trajectory.jsonl`;
    const path = join(home.sessionsDir(), name);
    await writeAged(path, 'y'.repeat(100_000), home.nowMs - 30 * DAY_MS);
    await reclaim(home, '--max-disk', '1KB');
    await writeAged(path, 'z'.repeat(100_000), home.nowMs - 30 * DAY_MS);
    const originals = await readOriginals(home);
    const run = await reclaim(home, '--max-disk', '1KB');
    expect(stepNames(run)).toEqual(['orphans']);
    expect(run.done.filesArchived).toBe(1);
    expect(await lostFiles(home, originals)).toEqual([]);
  });
});

describe('an archive that cannot be written', () => {
  test('frees nothing, and says so', async () => {
    const home = await slackHome();
    await writeFile(home.archiveDir, 'in the way');
    const before = await readTree(home.sessionsDir());
    const result = await home.clawback('reclaim', '--max-disk', '1KB', '--json');
    expect(result.exitCode).toBe(1);
    expect(await readTree(home.sessionsDir())).toEqual(before);
    expect(result.stderr + result.text).toContain(home.archiveDir);
  });

  test('a store that cannot be read is named, and what its rows may name stays: the others are freed', async () => {
    const home = await slackHome();
    await writeThreadStore(home.storePath('second'), { second: [] });
    await truncate(home.storePath('second'), 0);
    const run = await reclaim(home, '--max-disk', '1KB');
    expect(run.exitCode).toBe(3);
    expect(run.problems).toMatchObject([{ what: 'store second' }]);
    expect(stepNames(run)).toEqual(['temporaries', 'trajectories']);
    expect(run.done.filesReclaimed).toBeGreaterThan(10);
  });
});

describe('wrong arguments', () => {
  test.each([
    [[], 'there is no disk budget', '--max-disk 2GB'],
    [['--max-disk', '500'], 'a number without a unit', '500MB'],
    [['--max-disk', 'much'], 'is not a size', '500MB'],
    [['--max-disk', '1GB', '--high-water', '120%'], 'up to 100%', '80%'],
    [['--max-disk', '1GB', '--high-water', '2GB'], 'lies above the budget', '--high-water 80%'],
  ])('%j: exit code 2, saying what to type', async (argv, text, hint) => {
    const home = await Home.create();
    await writeThreadStore(home.storePath(), { main: [] });
    const result = (await home.clawback('reclaim', ...argv)).expect(2);
    expect(result.stderr).toContain(text);
    expect(result.stderr).toContain(hint);
  });

  test('in the settings: exit code 2', async () => {
    const home = await Home.create({ settings: { diskBudget: { maxDiskBytes: 2_000_000_000 } } });
    const result = (await home.clawback('reclaim')).expect(2);
    expect(result.stderr).toContain('diskBudget.maxDiskBytes');
    expect(result.stderr).toContain('MB" for megabytes');
  });
});

describe('the flags', () => {
  test('go before the settings, and the settings suffice', async () => {
    const home = await slackHome({ diskBudget: { maxDiskBytes: '1KB', highWaterBytes: '100%' } });
    expect((await reclaim(home, '--max-disk', '1GB')).exitCode).toBe(0);
    const run = await reclaim(home);
    expect(run).toMatchObject({ maxDiskBytes: KB, highWaterBytes: KB, exitCode: 3 });
  });
});
