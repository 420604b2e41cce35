import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { COMPILED_MAIN, clockAt } from '../support/run-cli.ts';
import type { ListJson } from './support/answers.ts';
import { DAY_MS, HOUR_MS, Home } from './support/home.ts';
import { threadOf, writeThreadStore } from './support/rooms.ts';
import { TRIM } from './support/trimmed.ts';

const SETTINGS = { ...TRIM, nightly: { at: '04:30', timeZone: 'UTC', jitter: '1m' } };
/** The stories begin at 09:30 UTC. */
const HOURS_TO_FIRST_NIGHT = 19;

/** Threads that come of age one by one, a night apart. */
async function home(): Promise<Home> {
  const made = await Home.create({ settings: SETTINGS });
  const threads = [0, 1, 2, 3].map((night) =>
    threadOf('C0A', `176250000${night}.000000`, {
      sessionId: `s-${night}`,
      updatedAtMs: made.nowMs - 7 * DAY_MS + (HOURS_TO_FIRST_NIGHT - 12 + 24 * night) * HOUR_MS,
      text: `night ${night}`,
    }),
  );
  await writeThreadStore(made.storePath(), { main: threads });
  return made;
}

/** Runs `clawback nightly` until so many nights are over. */
async function nights(made: Home, count: number, ...argv: string[]) {
  const stop = new AbortController();
  let log = '';
  let output = '';
  const stderr = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      if ((log.match(/run ended/g) ?? []).length === count) stop.abort();
      done();
    },
  });
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      output += chunk.toString();
      done();
    },
  });
  const clock = clockAt(made.nowMs);
  const exitCode = await run(['nightly', ...argv], {
    stdout,
    stderr,
    env: made.env,
    clock,
    signal: stop.signal,
  });
  made.nowMs = clock.nowMs();
  return { exitCode, log, output };
}

async function archivedIds(made: Home): Promise<string[]> {
  return (await made.json<ListJson>('list')).sessions.map(({ sessionId }) => sessionId).sort();
}

describe('clawback nightly', () => {
  test('archives over three nights what has come of age by each', async () => {
    const made = await home();
    const { exitCode, log } = await nights(made, 3);
    expect(exitCode).toBe(0);
    expect(log.match(/^2026-11-2[234]T04:3[01].* run begins$/gm)).toHaveLength(3);
    expect(await archivedIds(made)).toEqual(['s-0', 's-1', 's-2']);
  });

  test('goes on where it left off: a night that it was not there for is caught up with once', async () => {
    const made = await home();
    await nights(made, 1);
    made.nowMs += 2 * DAY_MS;
    const { log } = await nights(made, 1);
    expect(log).toMatch(/^2026-11-24T04:3.* run begins$/m);
    expect(await archivedIds(made)).toEqual(['s-0', 's-1', 's-2']);
  });

  test('a night that fails is reported, and the next one comes all the same', async () => {
    const made = await home();
    await made.configure({ ...SETTINGS, archive: 'file:///proc/nowhere' });
    const { exitCode, log } = await nights(made, 2);
    expect(exitCode).toBe(0);
    expect(log.match(/run ended with [13]/g)).toHaveLength(2);
  });

  test('frees a disk that is over its budget, and tries once a week whether anything comes back', async () => {
    const made = await home();
    await made.configure({
      ...SETTINGS,
      diskBudget: { maxDiskBytes: '1KB', protectedFloor: '1h' },
    });
    const { log, output } = await nights(made, 9, '--json');
    // The budget cannot be kept: sessions.json alone is larger. Every night says so.
    expect(log.match(/run ended with 3/g)).toHaveLength(9);
    const schemas = [...output.matchAll(/"schema": "clawback\.(\w+)\/1"/g)].map(([, name]) => name);
    const perNight = ['archive', 'reclaim'];
    const drillNights = [0, 7];
    expect(schemas).toEqual(
      Array.from({ length: 9 }, (_, night) => [
        ...perNight,
        ...(drillNights.includes(night) ? ['drill'] : []),
      ]).flat(),
    );
    expect((await archivedIds(made)).length).toBe(4);
  });

  test.each([
    ['0 when all is well', SETTINGS, 0],
    ['3 when the budget cannot be kept', { ...SETTINGS, diskBudget: { maxDiskBytes: '1KB' } }, 3],
    ['1 when the archive is not to be had', { ...SETTINGS, archive: 'file:///proc/nowhere' }, 1],
    ['2 for settings that make no sense', { ...SETTINGS, nightly: { drillEvery: 7 } }, 2],
  ])('one night for another scheduler ends with %s', async (_title, settings, exitCode) => {
    const made = await home();
    made.nowMs += DAY_MS;
    await made.configure(settings);
    (await made.clawback('nightly', '--once')).expect(exitCode);
  });

  test('refuses a time beside --once, which is now', async () => {
    const result = (await (await home()).clawback('nightly', '--once', '--at', '04:30')).expect(2);
    expect(result.stderr).toContain('leave it away to wait for a time');
  });

  test('refuses a time that makes no sense, at its start', async () => {
    const { exitCode, log } = await nights(await home(), 1, '--at', '25:00');
    expect(exitCode).toBe(2);
    expect(log).toContain('04:30');
  });

  test('the compiled program waits, and ends with 0 when it is told to', async () => {
    const made = await Home.create({ settings: SETTINGS, nowMs: Date.now() });
    await writeThreadStore(made.storePath(), { main: [] });
    const child = spawn(process.execPath, [COMPILED_MAIN, 'nightly'], { env: made.env });
    await once(child.stderr, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
