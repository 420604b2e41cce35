import { rm } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { Mortal, mortalObjects, mortalSessions, type Side, withMortalDisk } from '../support/dying-calls.ts';
import { FaultHome } from '../support/faults.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** One way to die: runs the line on a home with the mortal in its way. */
type Run = (home: FaultHome, mortal: Mortal) => Promise<unknown>;

const onObjects: Run = (home, mortal) => home.run({ objects: mortalObjects(home.directory(), mortal) });

const onSessions: Run = (home, mortal) =>
  home.run({ sessions: mortalSessions(new FileSessionStore(home.storePath), mortal) });

const onDisk: Run = (home, mortal) => withMortalDisk(mortal, () => home.run());

async function uninterrupted(run: Run) {
  const home = await FaultHome.create(await temporaryFolder());
  const counter = new Mortal();
  await run(home, counter);
  return { calls: counter.calls, endState: await home.endState() };
}

/** Dies at the n-th call, then runs again, then once more. */
async function dieAndConverge(run: Run, dieAt: number, side: Side, expected: unknown): Promise<void> {
  const home = await FaultHome.create(await temporaryFolder());
  const label = `${side} call ${dieAt}`;
  await run(home, new Mortal(dieAt, side)).catch(() => undefined);
  expect(await home.lostFiles(), `lost after dying ${label}`).toEqual([]);
  const tally = await home.run();
  expect(tally.failures, label).toEqual([]);
  expect(await home.lostFiles(), `lost after recovering from ${label}`).toEqual([]);
  expect(await home.endState(), `end state after ${label}`).toEqual(expected);
  const objects = await home.objectNames();
  await home.run();
  expect(await home.endState(), `third run after ${label}`).toEqual(expected);
  expect(await home.objectNames(), `objects of a third run after ${label}`).toEqual(objects);
  await rm(home.root, { recursive: true });
}

describe.each([
  { what: 'call of the object store', run: onObjects, sides: ['before', 'after'] },
  { what: 'call of the session store', run: onSessions, sides: ['before', 'after'] },
  { what: 'change of the disk', run: onDisk, sides: ['before', 'after', 'torn'] },
] as const)('an archive run that dies at any $what', ({ run, sides }) => {
  test.each(sides)('loses nothing and is finished by the next run (%s it)', { timeout: 120_000 }, async (side) => {
    const { calls, endState } = await uninterrupted(run);
    expect(calls).toBeGreaterThan(2);
    for (let dieAt = 1; dieAt <= calls; dieAt += 1) await dieAndConverge(run, dieAt, side, endState);
  });
});
