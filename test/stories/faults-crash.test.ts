import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { planRestore, restoreInPlace } from '../../src/restore/restore-in-place.ts';
import { sweepLeftovers } from '../../src/restore/staging.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { dieEverywhere, type MortalRun } from '../support/die-everywhere.ts';
import { Mortal, withMortalDisk } from '../support/dying-calls.ts';
import { FaultHome, sha256, threadRow } from '../support/faults.ts';
import { DAY_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SIDES = ['before', 'after', 'torn'] as const;

const key = 'agent:main:slack:channel:c01';

async function oneThreadHome(): Promise<FaultHome> {
  const home = await FaultHome.empty(await temporaryFolder());
  await home.addSession(uuid(1), 10 * DAY_MS, 700);
  await home.writeRows({ [key]: threadRow(uuid(1), 10 * DAY_MS, { sessionFile: `${uuid(1)}.jsonl` }) });
  return home;
}

async function archivedHome(): Promise<FaultHome> {
  const home = await oneThreadHome();
  await home.addMedia({ n: 1, sessionKey: key, ageMs: 10 * DAY_MS });
  await home.run();
  return home;
}

/** As the command does it while it holds the lock. */
async function restore(home: FaultHome): Promise<void> {
  const { sessionsDir, mediaDir, storePath, nowMs } = home;
  await sweepLeftovers(sessionsDir, mediaDir);
  const archive = await home.archive();
  const [batchId = ''] = await archive.batchIds();
  const manifest = await archive.manifest(batchId);
  const sessions = new FileSessionStore(storePath);
  const target = {
    sessions,
    sessionsDir,
    mediaDir,
    assertMayCommit: async () => {},
    hasPrompt: () => true,
  };
  const options = { force: false, resume: false, nowMs };
  const [session] = manifest.sessions;
  if (session === undefined) throw new Error('nothing was archived');
  const plan = await planRestore(session, target, options);
  await restoreInPlace(archive, manifest, plan, target, options);
}

describe('an archive run that dies at any change of the disk', () => {
  test.each(SIDES)('loses nothing and is finished by the next run (%s it)', (side) =>
    dieEverywhere((home, mortal) => withMortalDisk(mortal, () => home.run()), side),
  );
});

describe('an archive run beside a gateway that dies at any change of the disk', () => {
  const live: MortalRun = (home, mortal) => withMortalDisk(mortal, () => home.runLive());

  test.each(SIDES)('loses nothing and is finished by the next run beside the gateway (%s it)', (side) =>
    dieEverywhere(live, side, (home) => home.runLive()),
  );

  test('is finished as well by the next run without one', () => dieEverywhere(live, 'after'));

  test.each(SIDES)('leaves a thread that a plain restore brings back whole (%s it)', async (side) => {
    const counter = new Mortal();
    await withMortalDisk(counter, async () => (await oneThreadHome()).runLive());
    for (let dieAt = 1; dieAt <= counter.calls; dieAt += 1) {
      const home = await oneThreadHome();
      await withMortalDisk(new Mortal(dieAt, side), () => home.runLive()).catch(() => undefined);
      const label = `${side} call ${dieAt} of ${counter.calls}`;
      await sweepLeftovers(home.sessionsDir);
      const isArchived = (await (await home.archive()).batchIds()).length > 0;
      if (isArchived) await restore(home);
      expect((await home.rows())[key], label).toMatchObject({ sessionId: uuid(1) });
      for (const [name, digest] of home.original) {
        expect(sha256(await readFile(join(home.sessionsDir, name))), `${label}: ${name}`).toBe(digest);
      }
      const odd = (await readdir(home.sessionsDir)).filter((name) =>
        /^\.clawback|\.lock$|\.reset\./.test(name),
      );
      expect(odd, label).toEqual([]);
      await rm(home.root, { recursive: true });
    }
  });
});

describe('a restore that dies at any change of the disk', () => {
  test.each(SIDES)('loses nothing and is finished by the same restore again (%s it)', async (side) => {
    const counter = new Mortal();
    const whole = await archivedHome();
    await withMortalDisk(counter, () => restore(whole));
    const expected = await whole.endState();
    expect(counter.calls).toBeGreaterThan(10);
    for (let dieAt = 1; dieAt <= counter.calls; dieAt += 1) {
      const home = await archivedHome();
      await withMortalDisk(new Mortal(dieAt, side), () => restore(home)).catch(() => undefined);
      expect(await home.lostFiles(), `${side} call ${dieAt}`).toEqual([]);
      await restore(home);
      expect(await home.endState(), `${side} call ${dieAt}`).toEqual(expected);
      expect((await home.rows())[key]).toMatchObject({ sessionId: uuid(1) });
      for (const [name, digest] of home.original) {
        expect(sha256(await readFile(home.pathOf(name))), name).toBe(digest);
      }
      await rm(home.root, { recursive: true });
    }
  });
});
