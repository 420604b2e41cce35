import { describe, test } from 'vitest';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { dieEverywhere, type MortalRun } from '../support/die-everywhere.ts';
import { mortalObjects, mortalSessions } from '../support/dying-calls.ts';

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
