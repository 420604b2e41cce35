import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import type { RunReport } from '../../src/reports/run-report.ts';
import { clockAt } from '../support/run-cli.ts';
import type { ArchiveJson, ErrorJson, ListJson, VerifyJson } from './support/answers.ts';
import { DAY_MS, Home } from './support/home.ts';
import { threadOf, writeThreadStore } from './support/rooms.ts';
import { TRIM, trimmedHome } from './support/trimmed.ts';

interface ReportListJson {
  readonly instance: string;
  readonly available: number;
  readonly reports: readonly RunReport[];
  readonly damaged: readonly { readonly what: string; readonly error: ErrorJson }[];
  readonly html: string | null;
}

const reportsOf = (home: Home, ...flags: string[]) => home.json<ReportListJson>('report', ...flags);

/** Threads that come of age a night apart: the first run takes one, each later one the next. */
async function nightlyHome(threads = 4): Promise<Home> {
  const home = await Home.create({ settings: TRIM });
  const main = Array.from({ length: threads }, (_, night) =>
    threadOf('C0A', `176250000${night}.000000`, {
      sessionId: `s-${night}`,
      updatedAtMs: home.nowMs - (9 - night) * DAY_MS,
      text: `night ${night}`,
    }),
  );
  await writeThreadStore(home.storePath(), { main });
  return home;
}

async function nights(home: Home, count: number): Promise<ArchiveJson[]> {
  const runs: ArchiveJson[] = [];
  for (let night = 0; night < count; night += 1) {
    runs.push(await home.json<ArchiveJson>('archive'));
    home.nowMs += DAY_MS;
  }
  return runs;
}

describe('after three nights', () => {
  test('there are three reports, and each says what its run said', async () => {
    const home = await nightlyHome();
    const runs = await nights(home, 3);
    const { reports, available, damaged } = await reportsOf(home);
    expect([available, damaged]).toEqual([3, []]);
    expect(reports.map(({ runId }) => runId)).toEqual(runs.map(({ runId }) => runId));
    for (const [night, report] of reports.entries()) {
      const run = runs[night];
      expect(report.done).toEqual(run?.done);
      expect(report.keptByReason).toEqual(run?.planned.keptByReason);
      expect(report).toMatchObject({
        instance: run?.instance,
        command: 'archive',
        startedAt: new Date(home.nowMs - (3 - night) * DAY_MS).toISOString(),
        exitCode: 0,
        interrupted: false,
        road: 'direct',
        failures: {},
      });
    }
  });

  test('they tell how rows became tombstones, how disk was freed, and how the archive grew', async () => {
    const home = await nightlyHome();
    await nights(home, 3);
    const { reports } = await reportsOf(home);
    const { totals } = await home.json<ListJson>('list');
    const { sessions, rawBytes, storedBytes } = totals;
    expect(reports.map(({ rows }) => [rows.before.tombstones, rows.after.tombstones])).toEqual([
      [0, 3],
      [3, 4],
      [4, 4],
    ]);
    expect(reports.map(({ rows }) => [rows.after.total, rows.after.protected])).toEqual([
      [4, 4],
      [4, 4],
      [4, 4],
    ]);
    expect(reports.at(-1)?.archive).toEqual({ sessions, rawBytes, storedBytes });
    expect(reports.map(({ archive }) => archive.sessions)).toEqual([3, 4, 4]);
    const [first, second] = reports;
    expect(first?.disk.before.byKind.transcript).toEqual({ files: 4, diskBytes: 4 * 4096 });
    // What a tombstone leaves is a stub of one block: the night between changes nothing.
    expect(second?.disk.before).toEqual(first?.disk.after);
    expect(reports.map(({ protectedKeptByReason }) => protectedKeptByReason)).toEqual([
      { 'too-young': 1 },
      { tombstone: 3 },
      { tombstone: 4 },
    ]);
  });

  test('they are a table, the newest last, with that one in full below it', async () => {
    const home = await nightlyHome();
    const runs = await nights(home, 3);
    const text = (await home.clawback('report')).expect(0).text;
    expect(text).toMatch(/^3 runs; times are UTC/);
    const lines = text.split('\n').filter((line) => /^ {2}2026-/.test(line));
    expect(lines.map((line) => line.slice(2, 18))).toEqual([
      '2026-11-21 09:30',
      '2026-11-22 09:30',
      '2026-11-23 09:30',
    ]);
    expect(lines[0]).toMatch(/archive +done +0 +0 +3 +1 +0 +3 files, .* {2}3 files .* -$/);
    expect(text).toContain(`run ${runs[2]?.runId}`);
    expect(text).toContain('rows kept: 4; protected rows skipped: 4 of these');
    expect(text).toContain('already archived: this is its routing tombstone');
    expect(text).not.toContain('c0a');
  });

  test('--last N shows only so many, and says that there are more', async () => {
    const home = await nightlyHome();
    const runs = await nights(home, 3);
    const { reports } = await reportsOf(home, '--last', '2');
    expect(reports.map(({ runId }) => runId)).toEqual(runs.slice(1).map(({ runId }) => runId));
    const { text } = (await home.clawback('report', '--last', '1')).expect(0);
    expect(text).toMatch(/^1 run, of 3 \(--last N shows more\)/);
    expect((await reportsOf(home, '--last', '99')).reports).toHaveLength(3);
  });

  test('all other verbs see an archive as it was', async () => {
    const home = await nightlyHome();
    await nights(home, 3);
    const read = async () => ({
      list: await home.json<ListJson>('list'),
      verify: await home.json<VerifyJson>('verify', '--read-data'),
    });
    const withReports = await read();
    expect(withReports.verify).toMatchObject({ differences: [], strayPacks: [], uncatalogued: [] });
    const { instance } = withReports.list;
    await rm(join(home.archiveDir, instance, 'reports'), { recursive: true });
    expect(await read()).toEqual(withReports);
  });

  test('a damaged report hides nothing but itself', async () => {
    const home = await nightlyHome();
    const runs = await nights(home, 3);
    const path = join(home.archiveDir, runs[1]?.instance ?? '', 'reports', `${runs[1]?.runId}.json.zst`);
    const bytes = await readFile(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff;
    await writeFile(path, bytes);
    const result = (await home.clawback('report', '--json')).expect(0);
    const { reports, damaged, available } = result.json<ReportListJson>();
    expect(reports.map(({ runId }) => runId)).toEqual([runs[0]?.runId, runs[2]?.runId]);
    expect(available).toBe(3);
    expect(damaged.map(({ what }) => what)).toEqual([`report of ${runs[1]?.runId}`]);
    expect(result.stderr).toContain(`WARNING: report of ${runs[1]?.runId} is damaged`);
    expect(await home.json<VerifyJson>('verify', '--read-data')).toMatchObject({ differences: [] });
  });
});

describe('a run that does not go well', () => {
  test('leaves none when it is a dry run', async () => {
    const home = await nightlyHome();
    await nights(home, 1);
    await home.json('archive', '--dry-run');
    expect((await reportsOf(home)).available).toBe(1);
  });

  test('leaves one when it is interrupted', async () => {
    const home = await nightlyHome();
    // Ctrl-C when the batch has gone and the catalogue has not been written.
    const stop = new AbortController();
    const stderr = new Writable({
      write(chunk: Buffer, _encoding, done) {
        if (chunk.toString().startsWith('archived')) stop.abort();
        done();
      },
    });
    const stdout = new Writable({ write: (_chunk, _encoding, done) => done() });
    const io = { stdout, stderr, env: home.env, clock: clockAt(home.nowMs), signal: stop.signal };
    expect(await run(['archive', '--verbose'], io)).toBe(130);
    const { reports } = await reportsOf(home);
    expect(reports).toMatchObject([
      { exitCode: 130, interrupted: true, done: { protectedRowsTrimmed: 3 }, archive: { sessions: 3 } },
    ]);
    expect((await home.clawback('report')).text).toMatch(/^ {2}2026-11-21.* interrupted /m);
  });

  test('leaves one when some stores fail, which says how many its numbers lack', async () => {
    const home = await nightlyHome();
    await mkdir(home.sessionsDir('ops'), { recursive: true });
    await writeFile(home.storePath('ops'), '{ torn');
    (await home.clawback('archive')).expect(3);
    const { reports } = await reportsOf(home);
    expect(reports).toMatchObject([
      {
        exitCode: 3,
        failures: { 'store-unreadable': 1 },
        rows: { after: { total: 4, tombstones: 3 } },
        scope: { agents: null, unreadStores: 1 },
      },
    ]);
    const { text } = (await home.clawback('report')).expect(0);
    expect(text).toMatch(/ partly failed .* store-unreadable 1$/m);
    expect(text).toContain('1 store could not be read and is not counted');
  });

  test('leaves one when it can do nothing at all', async () => {
    const { home } = await trimmedHome();
    await writeFile(home.storePath(), '{ torn');
    home.nowMs += DAY_MS;
    (await home.clawback('archive')).expect(1);
    expect((await reportsOf(home)).reports.at(-1)).toMatchObject({
      exitCode: 1,
      interrupted: false,
      failures: { 'store-unreadable': 1 },
      scope: { unreadStores: 1 },
    });
  });

  test('of some agents says whose numbers it has', async () => {
    const home = await nightlyHome();
    await writeThreadStore(home.storePath('ops'), { ops: [] });
    await home.json('archive', '--agent', 'ops');
    expect((await reportsOf(home)).reports).toMatchObject([
      { rows: { after: { total: 0 } }, scope: { agents: ['ops'], unreadStores: 0 } },
    ]);
    expect((await home.clawback('report')).text).toMatch(
      /^ {2}2026-11-21 09:30 {2}archive --agent ops {2}done/m,
    );
  });
});

describe('a report that cannot be kept', () => {
  /** A plain file where the folder of reports should be. */
  async function withoutReports(): Promise<Home> {
    const home = await nightlyHome();
    await mkdir(join(home.archiveDir, 'fixed-name'), { recursive: true, mode: 0o700 });
    await writeFile(join(home.archiveDir, 'fixed-name', 'reports'), '');
    await home.configure({ ...TRIM, instance: 'fixed-name' });
    return home;
  }

  test('is a warning, and the run is done all the same', async () => {
    const home = await withoutReports();
    const result = (await home.clawback('archive', '--json')).expect(0);
    expect(result.json<ArchiveJson>()).toMatchObject({ done: { protectedRowsTrimmed: 3 }, problems: [] });
    expect(result.stderr).toMatch(/^clawback: WARNING: the report of this run is not kept: put object .*\n$/);
  });

  test('is told with --quiet too, and changes no other exit code', async () => {
    const home = await withoutReports();
    await mkdir(home.sessionsDir('ops'), { recursive: true });
    await writeFile(home.storePath('ops'), '{ torn');
    const result = (await home.clawback('archive', '--quiet')).expect(3);
    expect(result.stderr).toContain('WARNING: the report of this run is not kept');
  });

  test.skipIf(process.getuid?.() === 0)(
    'because a folder of ours cannot be looked into: no report',
    async () => {
      const home = await nightlyHome();
      const closed = join(home.sessionsDir(), 'closed');
      await mkdir(closed, { mode: 0 });
      onTestFinished(() => chmod(closed, 0o700));
      const result = (await home.clawback('archive')).expect(0);
      expect(result.stderr).toContain('WARNING: the report of this run is not kept');
    },
  );
});

describe('clawback report', () => {
  test('of an archive without reports says so', async () => {
    const home = await Home.create({ settings: { instance: 'nobody-yet' } });
    const { text } = (await home.clawback('report')).expect(0);
    expect(text).toMatch(/^no run has left a report in file:.* \(nobody-yet\) yet: clawback archive/);
    expect(await reportsOf(home)).toMatchObject({ available: 0, reports: [], html: null });
  });

  test('before the first run says what to do', async () => {
    const result = await (await Home.create()).clawback('report', '--json');
    expect(result.expect(2).json<ErrorJson>().hint).toContain('clawback archive');
  });

  test.each(['0', '-3', '2.5', 'many', ''])('refuses --last %j', async (value) => {
    const { home } = await trimmedHome();
    const { stderr } = (await home.clawback('report', '--last', value)).expect(2);
    expect(stderr).toContain('Allowed: a whole number from 1.');
  });

  test('--html writes a page of all runs, unless --last says otherwise', async () => {
    const home = await nightlyHome();
    await nights(home, 12);
    const path = join(home.root, 'report.html');
    const { text } = (await home.clawback('report', '--html', path)).expect(0);
    expect(text).toBe(`wrote ${path}: 12 runs, 2026-11-21 09:30 to 2026-12-02 09:30 (UTC)\n`);
    expect((await readFile(path, 'utf8')).match(/<tr data-run=/g)).toHaveLength(12);
    const { html, reports } = await reportsOf(home, '--html', path, '--last', '2');
    expect([html, reports.length]).toEqual([path, 2]);
    expect((await readFile(path, 'utf8')).match(/<tr data-run=/g)).toHaveLength(2);
  });

  test('--html refuses a folder and a place that is not there', async () => {
    const { home } = await trimmedHome();
    const folder = await home.clawback('report', '--json', '--html', home.root);
    expect(folder.expect(2).json<ErrorJson>()).toMatchObject({ code: 'usage' });
    const absent = await home.clawback('report', '--json', '--html', join(home.root, 'a', 'b.html'));
    expect(absent.expect(1).json<ErrorJson>()).toMatchObject({
      code: 'output-io',
      message: expect.stringContaining(join(home.root, 'a', 'b.html')),
    });
  });
});
