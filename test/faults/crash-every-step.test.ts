import { describe, test } from 'vitest';
import type { DiskBudget } from '../../src/runs/reclaim-plan.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { dieEverywhere, type MortalRun } from '../support/die-everywhere.ts';
import { type Mortal, mortalObjects, mortalSessions } from '../support/dying-calls.ts';
import type { FaultHome } from '../support/faults.ts';
import { DAY_MS } from '../support/snapshot.ts';

const onObjects: MortalRun = (home, mortal) => home.run({ objects: mortalObjects(home.directory(), mortal) });

const onSessions: MortalRun = (home, mortal) =>
  home.run({ sessions: mortalSessions(new FileSessionStore(home.storePath), mortal) });

const LIVE = { lookAgainMs: 0, settleMs: 1, patienceMs: 5_000 };

const onLiveSessions: MortalRun = (home, mortal) =>
  home.run({ sessions: mortalSessions(new FileSessionStore(home.storePath, { live: LIVE }), mortal) });

describe.each([
  { what: 'call of the object store', run: onObjects },
  { what: 'call of the session store', run: onSessions },
  { what: 'call of the session store beside a gateway', run: onLiveSessions },
])('an archive run that dies at any $what', ({ run }) => {
  test.each(['before', 'after'] as const)(
    'loses nothing and is finished by the next run (%s it)',
    { timeout: 60_000 },
    async (side) => dieEverywhere(run, side),
  );
});

/** Nothing that may go is spared. */
const NO_ROOM: DiskBudget = { maxDiskBytes: 1, highWaterBytes: 1, protectedFloorMs: 7 * DAY_MS };

describe.each([
  {
    what: 'call of the object store',
    run: (home: FaultHome, mortal: Mortal) =>
      home.freeDisk(NO_ROOM, { objects: mortalObjects(home.directory(), mortal) }),
  },
  {
    what: 'call of the session store',
    run: (home: FaultHome, mortal: Mortal) =>
      home.freeDisk(NO_ROOM, { sessions: mortalSessions(new FileSessionStore(home.storePath), mortal) }),
  },
])('a disk that is being freed by a run that dies at any $what', ({ run }) => {
  test.each(['before', 'after'] as const)(
    'loses nothing and is freed by the next run (%s it)',
    { timeout: 120_000 },
    async (side) => dieEverywhere(run, side, (home) => home.freeDisk(NO_ROOM)),
  );
});
