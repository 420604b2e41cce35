import { rm } from 'node:fs/promises';
import { expect } from 'vitest';
import type { RunTally } from '../../src/report.ts';
import { Mortal, type Side } from './dying-calls.ts';
import { FaultHome } from './faults.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** One way to die: an archive run on a home, with the mortal in its way. */
export type MortalRun = (home: FaultHome, mortal: Mortal) => Promise<unknown>;

/** The run after it, of which nothing dies. */
export type NextRun = (home: FaultHome) => Promise<RunTally>;

/** Stops an archive run at its first call, at its second, at every one; each time the next run must finish it. */
export async function dieEverywhere(
  run: MortalRun,
  side: Side,
  next: NextRun = (home) => home.run(),
): Promise<void> {
  const home = await FaultHome.create(await temporaryFolder());
  const counter = new Mortal();
  await run(home, counter);
  expect(counter.calls).toBeGreaterThan(2);
  const expected = await home.endState();
  for (let dieAt = 1; dieAt <= counter.calls; dieAt += 1)
    await dieAndConverge(run, next, dieAt, side, expected);
}

async function dieAndConverge(
  run: MortalRun,
  next: NextRun,
  dieAt: number,
  side: Side,
  expected: unknown,
): Promise<void> {
  const home = await FaultHome.create(await temporaryFolder());
  const label = `${side} call ${dieAt}`;
  // What a dying process throws reaches nobody.
  await run(home, new Mortal(dieAt, side)).catch(() => undefined);
  expect(await home.lostFiles(), `lost after dying ${label}`).toEqual([]);
  const tally = await next(home);
  expect([tally.failures, tally.problems], label).toEqual([[], []]);
  expect(await home.lostFiles(), `lost after recovering from ${label}`).toEqual([]);
  expect(await home.endState(), `end state after ${label}`).toEqual(expected);
  const objects = await home.objectNames();
  await next(home);
  expect(await home.endState(), `third run after ${label}`).toEqual(expected);
  expect(await home.objectNames(), `objects of a third run after ${label}`).toEqual(objects);
  await rm(home.root, { recursive: true });
}
