import { randomBytes } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openInstallation } from '../src/installation.ts';
import { type Progress, RunProgress } from '../src/progress.ts';
import { archiveRun } from '../src/runs/archive-run.ts';
import { makeBatches } from '../src/ship/batches.ts';
import { clockAt } from './support/run-cli.ts';
import { smallStateDir } from './support/small-state.ts';
import { DAY_MS, fileOf, planOf, rowOf, uuid } from './support/snapshot.ts';

const MIB = 1024 * 1024;

/** Two batches of one model run each, 40 MiB and 10 MiB. */
function twoBatches() {
  const ids = [uuid(1), uuid(2)];
  const plan = planOf({
    rows: ids.map((id, n) =>
      rowOf(`agent:main:explicit:model-run-${id}`, (3 - n) * DAY_MS, { sessionId: id }),
    ),
    files: ids.map((id, n) =>
      fileOf(`${id}.jsonl`, (3 - n) * DAY_MS, { sizeBytes: n === 0 ? 40 * MIB : 10 * MIB }),
    ),
  });
  const options = { runId: '20261121t090000z-00000001', jobs: 4, stub: true, keepModelRunFiles: true };
  return makeBatches(plan, options, 1);
}

describe('the progress of a run', () => {
  const told = (action: (progress: RunProgress, batches: ReturnType<typeof twoBatches>) => void) => {
    const all: Progress[] = [];
    const batches = twoBatches();
    expect(batches).toHaveLength(2);
    const progress = new RunProgress('r', (one) => all.push(one));
    progress.begin(batches);
    action(progress, batches);
    return all.map(({ sessionsDone, bytesDone }) => [sessionsDone, bytesDone / MIB]);
  };

  it('is told at its start, so that whoever watches knows the size', () => {
    expect(told(() => {})).toEqual([[0, 0]]);
  });

  it('counts bytes while batches are under way, and sessions when they are committed', () => {
    const steps = told((progress, [first, second]) => {
      if (first === undefined || second === undefined) return;
      progress.underWay(first, 8 * MIB);
      progress.underWay(second, 4 * MIB);
      progress.underWay(first, 16 * MIB);
      progress.ended([second]);
      progress.ended([first]);
    });
    expect(steps).toEqual([
      [0, 0],
      [0, 8],
      [0, 12],
      [0, 20],
      [1, 26],
      [2, 50],
    ]);
  });

  it('knows what is to come of a run that begins its batches one after the other', () => {
    const all: Progress[] = [];
    const [first, second] = twoBatches();
    const progress = new RunProgress('r', (one) => all.push(one));
    progress.expect([...(first?.planned ?? []), ...(second?.planned ?? [])]);
    for (const batch of [first, second]) {
      if (batch === undefined) continue;
      progress.begin([batch]);
      progress.ended([batch]);
    }
    expect(all.map(({ sessionsTotal, bytesTotal }) => [sessionsTotal, bytesTotal / MIB])).toEqual(
      Array.from({ length: 4 }, () => [2, 50]),
    );
    expect(all.at(-1)).toMatchObject({ sessionsDone: 2, bytesDone: 50 * MIB });
  });

  it('never passes the size of a batch, though a pack holds more than the files', () => {
    const steps = told((progress, [first]) => {
      if (first !== undefined) progress.underWay(first, 41 * MIB);
    });
    expect(steps.at(-1)).toEqual([0, 40]);
  });

  it('says what is done meanwhile, and goes on where it was', () => {
    const all: Progress[] = [];
    const [first] = twoBatches();
    const progress = new RunProgress('r', (one) => all.push(one));
    progress.enter({ name: 'planning' });
    if (first !== undefined) progress.begin([first]);
    if (first !== undefined) progress.ended([first]);
    progress.enter({ name: 'settling', leftMs: 46_000 });
    progress.resume();
    expect(all.map(({ phase, sessionsDone }) => [phase?.name, sessionsDone])).toEqual([
      ['planning', 0],
      [undefined, 0],
      [undefined, 1],
      ['settling', 1],
      [undefined, 1],
    ]);
  });

  it('is told by the worker threads while one large transcript is under way', async () => {
    const stateDir = await smallStateDir();
    await appendFile(join(stateDir, 'agents', 'main', 'sessions', 'probe.jsonl'), randomBytes(9 * MIB));
    const installation = await openInstallation({
      stateDir,
      env: {},
      clock: clockAt(Date.now() + 7 * DAY_MS),
    });
    const told: Progress[] = [];
    const { tally } = await archiveRun(installation, { onProgress: (one) => told.push(one) });
    expect(tally.failures).toEqual([]);
    expect(told[0]?.phase).toEqual({ name: 'planning' });
    const all = told.filter(({ phase }) => phase === undefined);
    const total = all[0]?.bytesTotal ?? 0;
    const bytes = all.map(({ bytesDone }) => bytesDone);
    expect(total).toBeGreaterThan(9 * MIB);
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
    // Three frames of at most 4 MiB, each stored and then read back.
    expect(bytes.filter((done) => done > 0 && done < total).length).toBeGreaterThanOrEqual(4);
    expect(bytes.at(-1)).toBe(total);
    expect(all.at(-1)?.sessionsDone).toBe(all[0]?.sessionsTotal);
  });
});
