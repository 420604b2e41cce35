import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { LeaseLog } from '../../src/leases/lease-log.ts';
import { endState, lostFiles, openHomeArchive, readOriginals, spawnAnd } from '../support/fault-stories.ts';
import { type CliResult, runCli } from '../support/run-cli.ts';
import { SHORT_LEASE } from '../support/short-lease.ts';
import type { ArchiveJson, ErrorJson } from './support/answers.ts';
import type { Home } from './support/home.ts';
import {
  committedRuns,
  expectOneAfterTheOther,
  hostWith,
  INSTANCE,
  LARGE_BYTES,
  twoHosts,
  untilAnyPack,
} from './support/two-hosts.ts';

const SHORT_LEASE_MAIN = fileURLToPath(new URL('../support/short-lease-main.ts', import.meta.url));
const REFUSED = /take the lease of store main: (?:held by clawback archive, process \d+ on|another run was)/;

let expected: unknown;
beforeAll(async () => {
  const home = await hostWith();
  (await home.compiled(process.execPath, 'archive')).expect(0);
  expected = await endState(home);
});

async function expectDone(home: Home, originals: Awaited<ReturnType<typeof readOriginals>>): Promise<void> {
  expect(await endState(home)).toEqual(expected);
  expect(await lostFiles(home, originals)).toEqual([]);
}

async function leaseOf(home: Home): Promise<string | undefined> {
  const { objects } = await openHomeArchive(home);
  return (await new LeaseLog(objects, INSTANCE, 'main').newest())?.record.state;
}

describe('two hosts that by mistake use one instance name', () => {
  test('never commit at the same time, and lose nothing', async () => {
    for (let round = 1; round <= 5; round += 1) {
      const hosts = await twoHosts();
      const originals = await Promise.all(hosts.map(readOriginals));
      const endings = await Promise.all(hosts.map((host) => spawnAnd(host, ['archive'], () => {})));
      const outputs = endings.map(({ output }) => output).join('\n');
      expect(endings.filter(({ code }) => code === 0).length, outputs).toBeGreaterThan(0);
      for (const { code, output } of endings) if (code !== 0) expect(output).toMatch(REFUSED);
      const runs = await committedRuns(await openHomeArchive(hosts[0]));
      expect(runs.length, outputs).toBe(endings.filter(({ code }) => code === 0).length);
      expectOneAfterTheOther(runs);
      for (const host of hosts) (await host.compiled(process.execPath, 'archive')).expect(0);
      await expectDone(hosts[0], originals[0] ?? new Map());
      await expectDone(hosts[1], originals[1] ?? new Map());
    }
  });
});

describe('a run that is killed', () => {
  test('is followed at once by the next one on its host, from another directory too', async () => {
    const [host, twin] = await twoHosts(LARGE_BYTES);
    const originals = await readOriginals(host);
    const killed = await spawnAnd(host, ['archive'], async (kill) => {
      await untilAnyPack(host);
      kill('SIGKILL');
    });
    expect(killed.signal).toBe('SIGKILL');
    expect(await leaseOf(host)).toBe('held');
    (await twin.compiled(process.execPath, 'archive')).expect(0);
    (await host.compiled(process.execPath, 'archive')).expect(0);
    await expectDone(host, originals);
  });
});

describe('a run that is interrupted', () => {
  test('gives its lease back', async () => {
    const [host] = await twoHosts(LARGE_BYTES);
    const ending = await spawnAnd(host, ['archive'], async (kill) => {
      await untilAnyPack(host);
      kill('SIGINT');
    });
    expect(ending.code, ending.output).toBe(130);
    expect(await leaseOf(host)).toBe('released');
  });
});

describe('a run that is stopped past its lease', () => {
  test('commits nothing when it goes on: another has taken over and finished', async () => {
    const [sleeper, taker] = await twoHosts(LARGE_BYTES);
    const [before, ofSleeper, ofTaker] = [
      await endState(sleeper),
      await readOriginals(sleeper),
      await readOriginals(taker),
    ];
    const take = () =>
      runCli(['archive', '--json'], { env: taker.env, nowMs: Date.now(), leaseTimes: SHORT_LEASE });
    let taken: CliResult | undefined;
    const ending = await spawnAnd(
      sleeper,
      ['archive', '--json'],
      async (kill) => {
        await untilAnyPack(sleeper);
        kill('SIGSTOP');
        expect(await committedRuns(await openHomeArchive(sleeper))).toEqual([]);
        const refused = (await take()).expect(1);
        expect(refused.json<ErrorJson>()).toMatchObject({ code: 'locked' });
        expect(refused.stderr).toMatch(REFUSED);
        do taken = await take();
        while (taken.exitCode === 1 && taken.json<ErrorJson>().code === 'locked');
        kill('SIGCONT');
      },
      {},
      SHORT_LEASE_MAIN,
    );
    const { runId } = (taken as CliResult | undefined)?.expect(0).json<ArchiveJson>() ?? {};
    expect(ending.code, ending.output).toBe(1);
    expect(ending.output).toContain('"code": "lease-lost"');
    expect(await committedRuns(await openHomeArchive(sleeper))).toEqual([runId]);
    expect(await endState(sleeper)).toEqual(before);
    expect(await lostFiles(sleeper, ofSleeper)).toEqual([]);
    await expectDone(taker, ofTaker);
    (await sleeper.compiled(process.execPath, 'archive')).expect(0);
    await expectDone(sleeper, ofSleeper);
  });
});
