import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ErrorJson, ListJson, ReclaimJson, RestoreJson } from './support/answers.ts';
import { DAY_MS, HOUR_MS, Home } from './support/home.ts';
import {
  type Thread,
  threadOf,
  threadRow,
  transcriptName,
  transcriptText,
  writeAged,
  writeThreadStore,
} from './support/rooms.ts';
import { readFileState, readTree } from './support/tree.ts';
import { OLD_ID, TRIM } from './support/trimmed.ts';

/** A live thread with a flight recorder, idle for so long that `reclaim` may take that. */
class RecordedHome {
  readonly home: Home;
  readonly thread: Thread;
  readonly key: string;
  readonly transcript: string;
  readonly recorder: string;

  private constructor(home: Home, thread: Thread) {
    this.home = home;
    this.thread = thread;
    this.key = `agent:main:${thread.rest}`;
    this.transcript = transcriptName(thread);
    this.recorder = this.transcript.replace(/\.jsonl$/, '.trajectory.jsonl');
  }

  static async create(settings = {}, text = 'the quarterly numbers'): Promise<RecordedHome> {
    const home = await Home.create({ settings });
    const thread = threadOf('C0A', '1762500000.000000', {
      sessionId: OLD_ID,
      updatedAtMs: home.nowMs - 9 * DAY_MS,
      text,
    });
    await writeThreadStore(home.storePath(), { main: [thread] });
    const recorded = new RecordedHome(home, thread);
    await recorded.record('turn 1', home.nowMs - 9 * DAY_MS);
    return recorded;
  }

  pathOf(name: string): string {
    return join(this.home.sessionsDir(), name);
  }

  /** Appends a line to the recorder, or begins a new one, as OpenClaw does. */
  async record(line: string, atMs = this.home.nowMs): Promise<void> {
    const before = await readFile(this.pathOf(this.recorder), 'utf8').catch(() => '');
    await writeAged(this.pathOf(this.recorder), `${before}${JSON.stringify({ line })}\n`, atMs);
  }

  /** Another turn of the same session: the transcript grows, the row is touched, something is recorded. */
  async turn(line: string): Promise<void> {
    const { home, thread, transcript, key } = this;
    const before = await readFile(this.pathOf(transcript), 'utf8');
    const [, ...added] = transcriptText({ ...thread, updatedAtMs: home.nowMs, text: line }).split('\n');
    await writeAged(this.pathOf(transcript), `${before}${added.join('\n')}`, home.nowMs);
    const row = threadRow(home.sessionsDir(), { ...thread, updatedAtMs: home.nowMs });
    await home.changeRows((rows) => ({ ...rows, [key]: row }));
    await this.record(line);
  }

  /** Takes what there is to take, and waits until the next may. */
  async reclaim(): Promise<ReclaimJson> {
    const run = (await this.home.clawback('reclaim', '--max-disk', '1KB', '--json')).json<ReclaimJson>();
    this.home.nowMs += 8 * DAY_MS;
    return run;
  }

  async archive(): Promise<void> {
    await this.home.configure(TRIM);
    this.home.nowMs += 8 * DAY_MS;
    await this.home.json('archive');
  }

  list(): Promise<ListJson> {
    return this.home.json<ListJson>('list', '--key', this.key);
  }

  restore(...argv: string[]): Promise<RestoreJson> {
    return this.home.json<RestoreJson>('restore', ...argv);
  }

  /** The lines of a recorder. */
  async lines(path = this.pathOf(this.recorder)): Promise<string[]> {
    const text = await readFile(path, 'utf8');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { line: string }).line);
  }
}

/** Two recorders in the archive by themselves, then the conversation with a third. */
async function archivedThrice(): Promise<RecordedHome> {
  const recorded = await RecordedHome.create();
  await recorded.reclaim();
  await recorded.turn('turn 2');
  recorded.home.nowMs += 8 * DAY_MS;
  await recorded.reclaim();
  await recorded.turn('turn 3');
  await recorded.archive();
  return recorded;
}

const namesOf = ({ files }: RestoreJson) => files.map(({ name }) => name).sort();

describe('a live conversation whose flight recorder went', () => {
  test('has no archived state: it is listed as a recorder, and cat says that there is nothing to read', async () => {
    const recorded = await RecordedHome.create();
    await recorded.reclaim();
    const { sessions } = await recorded.list();
    expect(sessions).toMatchObject([{ recorder: true, generation: null, generations: 0, files: 1 }]);
    const { text } = (await recorded.home.clawback('list')).expect(0);
    expect(text).toMatch(/thread +recorder +1 /);
    expect(text).toContain('1 archived session (1 flight recorder of conversations that stayed), 1 file');
    const cat = (await recorded.home.clawback('cat', recorded.key, '--json')).expect(1).json<ErrorJson>();
    expect(cat.message).toContain('only a flight recorder was archived');
    const one = await recorded.home.clawback('cat', recorded.key, '--generation', '1', '--json');
    expect(one.expect(1).json<ErrorJson>().hint).toContain('leave --generation away');
  });

  test('gets it back as it was, and its row is not touched', async () => {
    const recorded = await RecordedHome.create();
    const before = await readFileState(recorded.pathOf(recorded.recorder));
    const store = await recorded.home.storeText();
    await recorded.reclaim();
    const restored = await recorded.restore(recorded.key);
    expect(restored).toMatchObject({ row: 'none', recordersLeft: [] });
    expect(namesOf(restored)).toEqual([recorded.recorder]);
    expect(await readFileState(recorded.pathOf(recorded.recorder))).toEqual(before);
    expect(await recorded.home.storeText()).toBe(store);
  });

  test('keeps the one that it has begun since: which is in the way, and what to type', async () => {
    const recorded = await RecordedHome.create();
    await recorded.reclaim();
    await recorded.turn('turn 2');
    const before = await readTree(recorded.home.sessionsDir());
    const refused = (await recorded.home.clawback('restore', recorded.key, '--json')).expect(1);
    expect(refused.json<ErrorJson>()).toMatchObject({
      code: 'restore-conflict',
      hint: expect.stringMatching(`--to DIR .*${recorded.recorder}`),
    });
    expect(await readTree(recorded.home.sessionsDir())).toEqual(before);
  });

  test('gets the newest of several; the others stay in the archive, and each is named', async () => {
    const recorded = await RecordedHome.create();
    await recorded.reclaim();
    await recorded.turn('turn 2');
    recorded.home.nowMs += 8 * DAY_MS;
    await recorded.reclaim();
    const ids = (await recorded.list()).sessions.map(({ archiveId }) => archiveId);
    const cat = (await recorded.home.clawback('cat', recorded.key)).expect(1);
    expect(cat.stderr).toContain('only a flight recorder was archived');
    const restored = await recorded.restore(recorded.key);
    expect(restored.archiveId).toBe(ids[1]);
    expect(restored.recordersLeft).toEqual([{ archiveId: ids[0], why: 'name-taken' }]);
    expect(await recorded.lines()).toEqual(['turn 2']);
  });
});

describe('a conversation that is archived after its flight recorder went', () => {
  test('comes back with it', async () => {
    const recorded = await RecordedHome.create();
    const before = await readTree(recorded.home.sessionsDir());
    await recorded.reclaim();
    await recorded.archive();
    const { sessions } = await recorded.list();
    expect(sessions.map((one) => [one.recorder, one.generation, one.generations])).toEqual([
      [true, null, 1],
      [false, 1, 1],
    ]);
    const planned = await recorded.restore(recorded.key, '--dry-run');
    const restored = await recorded.restore(recorded.key);
    expect(restored).toMatchObject({ row: 'restored', recordersLeft: [] });
    expect(namesOf(restored)).toEqual([recorded.transcript, recorded.recorder].sort());
    expect(planned.files).toEqual(restored.files);
    const { 'sessions.json': _store, ...files } = await readTree(recorded.home.sessionsDir());
    const { 'sessions.json': _before, ...filesBefore } = before;
    expect(files).toEqual(filesBefore);
    // Once more changes nothing.
    const again = await recorded.restore(recorded.key);
    expect(again.files.map(({ state }) => state)).toEqual(['identical', 'identical']);
  });

  test('in one and the same run of reclaim too', async () => {
    const recorded = await RecordedHome.create(
      { diskBudget: { protectedFloor: '7d' } },
      'longer than one block of the disk '.repeat(1000),
    );
    const { steps } = await recorded.reclaim();
    expect(steps.map(({ step }) => step)).toEqual(['trajectories', 'protected']);
    expect(namesOf(await recorded.restore(recorded.key))).toEqual(
      [recorded.transcript, recorded.recorder].sort(),
    );
  });

  test('has one state whatever was recorded: cat shows it without a heading', async () => {
    const recorded = await archivedThrice();
    const { text } = (await recorded.home.clawback('cat', recorded.key)).expect(0);
    expect(text).not.toContain('===');
    expect(text).toContain('user: turn 3');
  });

  test('has room for its newest recorder in the store, and says where the older ones are', async () => {
    const recorded = await archivedThrice();
    const ids = (await recorded.list()).sessions.map(({ archiveId }) => archiveId);
    const { text } = (await recorded.home.clawback('restore', recorded.key)).expect(0);
    expect(await recorded.lines()).toEqual(['turn 3']);
    for (const id of ids.slice(0, 2))
      expect(text).toContain(
        `flight recorder ${id} stays in the archive, another file has its name here: clawback restore ${id} --to DIR`,
      );
  });

  test('comes with all of them into a folder, each under a name of its own', async () => {
    const recorded = await archivedThrice();
    const ids = (await recorded.list()).sessions.map(({ archiveId }) => archiveId);
    const to = join(recorded.home.root, 'out');
    const restored = await recorded.restore(recorded.key, '--to', to);
    const { transcript, recorder } = recorded;
    const names = [transcript, recorder, `${recorder}.${ids[0]}`, `${recorder}.${ids[1]}`];
    expect(namesOf(restored)).toEqual([...names].sort());
    expect((await readdir(to)).sort()).toEqual([...names].sort());
    const lines = await Promise.all(names.slice(1).map((name) => recorded.lines(join(to, name))));
    expect(lines).toEqual([['turn 3'], ['turn 1'], ['turn 2']]);
    // Nothing there is written over.
    await rm(join(to, transcript));
    await rm(join(to, recorder));
    const again = await recorded.home.clawback('restore', recorded.key, '--to', to, '--json');
    expect(again.expect(1).json<ErrorJson>()).toMatchObject({ code: 'restore-conflict' });
  });

  test('has each of them alone by its archive id', async () => {
    const recorded = await archivedThrice();
    const [first = '', second = ''] = (await recorded.list()).sessions.map(({ archiveId }) => archiveId);
    const to = join(recorded.home.root, 'out');
    expect(namesOf(await recorded.restore(second, '--to', to))).toEqual([recorded.recorder]);
    expect(await recorded.lines(join(to, recorded.recorder))).toEqual(['turn 2']);
    await recorded.restore(first);
    expect(await recorded.lines()).toEqual(['turn 1']);
    // A file that is here already stays.
    await recorded.restore(recorded.key, '--force');
    expect(await recorded.lines()).toEqual(['turn 3']);
  });

  test('does not wait for a recorder that is damaged', async () => {
    const recorded = await RecordedHome.create();
    await recorded.reclaim();
    const { archiveDir } = recorded.home;
    const [pack = ''] = Object.keys(await recorded.home.objects()).filter((key) => key.includes('/packs/'));
    await recorded.archive();
    const stored = await readFile(join(archiveDir, pack));
    stored[stored.length >> 1] = (stored[stored.length >> 1] ?? 0) ^ 0xff;
    await writeFile(join(archiveDir, pack), stored);
    const [{ archiveId } = { archiveId: '' }] = (await recorded.list()).sessions;
    const left = [{ archiveId, why: 'damaged' }];
    const to = join(recorded.home.root, 'out');
    const inFolder = await recorded.home.clawback('restore', recorded.key, '--to', to, '--json');
    expect(inFolder.expect(0).json<RestoreJson>().recordersLeft).toEqual(left);
    expect(inFolder.stderr).toContain(`flight recorder ${archiveId} is damaged`);
    expect(await readdir(to)).toEqual([recorded.transcript]);
    const inPlace = await recorded.home.clawback('restore', recorded.key, '--json');
    expect(inPlace.expect(0).json<RestoreJson>()).toMatchObject({ row: 'restored', recordersLeft: left });
    expect(await readdir(recorded.home.sessionsDir())).not.toContain(recorded.recorder);
    await rm(join(archiveDir, pack));
    expect((await recorded.restore(recorded.key)).recordersLeft).toEqual(left);
  });
});

describe('a conversation that was archived, restored, used and archived again', () => {
  async function twice(): Promise<RecordedHome> {
    const recorded = await RecordedHome.create();
    await recorded.reclaim();
    await recorded.archive();
    await recorded.restore(recorded.key, '--resume');
    await recorded.home.configure({});
    recorded.home.nowMs += HOUR_MS;
    await rm(recorded.pathOf(recorded.recorder));
    await recorded.turn('turn 2');
    recorded.home.nowMs += 8 * DAY_MS;
    await recorded.reclaim();
    await recorded.archive();
    return recorded;
  }

  test('has in each generation the recorders that went since the one before', async () => {
    const recorded = await twice();
    expect((await recorded.list()).sessions.map((one) => one.generation)).toEqual([null, 1, null, 2]);
    for (const [generation, line] of [
      ['1', 'turn 1'],
      ['2', 'turn 2'],
    ] as const) {
      const to = join(recorded.home.root, `out-${generation}`);
      await recorded.restore(recorded.key, '--generation', generation, '--to', to);
      expect(await recorded.lines(join(to, recorded.recorder))).toEqual([line]);
      expect(await readdir(to)).toHaveLength(2);
    }
  });

  test('forgets and pins a generation with its recorders', async () => {
    const recorded = await twice();
    const ids = (await recorded.list()).sessions.map(({ archiveId }) => archiveId);
    const forgotten = await recorded.home.json<ListJson>(
      'forget',
      recorded.key,
      '--generation',
      '2',
      '--yes',
    );
    expect(forgotten.sessions.map(({ archiveId }) => archiveId)).toEqual(ids.slice(2));
    const to = join(recorded.home.root, 'out');
    await recorded.restore(recorded.key, '--to', to);
    expect(await recorded.lines(join(to, recorded.recorder))).toEqual(['turn 1']);
    const pinned = await recorded.home.json<ListJson>('pin', ids[1] ?? '');
    expect(pinned.sessions.map(({ archiveId }) => archiveId)).toEqual(ids.slice(0, 2));
  });

  test('comes back without a recorder that is forgotten', async () => {
    const recorded = await twice();
    const { sessions } = await recorded.list();
    await recorded.home.json('forget', sessions[2]?.archiveId ?? '', '--yes');
    expect(namesOf(await recorded.restore(recorded.key, '--dry-run'))).toEqual([recorded.transcript]);
  });
});

test('a recorder that came back, and goes once more, belongs to the next state: it is archived anew', async () => {
  const recorded = await RecordedHome.create();
  await recorded.archive();
  await recorded.restore(recorded.key);
  await recorded.home.configure({});
  // A gateway that saves its rows adds derived fields to one that nobody has used.
  const { key } = recorded;
  await recorded.home.changeRows((rows) => ({ ...rows, [key]: { ...rows[key], label: 'renamed' } }));
  recorded.home.nowMs += 8 * DAY_MS;
  const { steps } = await recorded.reclaim();
  expect(steps.map(({ step }) => step)).toEqual(['trajectories']);
  await recorded.archive();
  const restored = await recorded.restore(key);
  expect((await recorded.home.rows())[key]).toMatchObject({ label: 'renamed' });
  expect(namesOf(restored)).toEqual([recorded.transcript, recorded.recorder].sort());
  expect(await recorded.lines()).toEqual(['turn 1']);
});
