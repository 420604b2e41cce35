// OpenClaw's own writer of a session store: the public plugin SDK of an installed release, in a process of its own.
// Arguments: package folder, path of sessions.json, writes a second, seed, and as JSON the session keys that it writes to
// all the time (`keys`) and those that come to life again, one every other second (`revived`).
// Stops when its standard input closes, and prints what it did.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const [packageDir, storePath, perSecond, seed, lists] = process.argv.slice(2);
const { keys, revived } = JSON.parse(lists);
const sdk = createRequire(join(packageDir, 'package.json')).resolve(
  'openclaw/plugin-sdk/session-store-runtime',
);
const { updateSessionStoreEntry } = await import(sdk);

let stopped = false;
process.stdin.once('close', () => {
  stopped = true;
});
process.stdin.resume();

const REVIVE_EVERY_MS = 2000;
let revivals = 0;
let startedMs = performance.now();
let state = Number(seed) >>> 0;
const nextKey = () => {
  const due = Math.floor((performance.now() - startedMs) / REVIVE_EVERY_MS);
  if (due > revivals && revivals < revived.length) return revived[revivals++];
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return keys[state % keys.length];
};

const written = {};
let lost = 0;
let updates = 0;
// The first write fills the cache and rewrites what the release spells otherwise; it is not counted.
await updateSessionStoreEntry({ storePath, sessionKey: keys[0], update: () => ({ benchCount: -1 }) });
process.stdout.write('ready\n');
startedMs = performance.now();
const stepMs = 1000 / Number(perSecond);
let dueMs = startedMs;
while (!stopped) {
  const sessionKey = nextKey();
  let seen;
  const entry = await updateSessionStoreEntry({
    storePath,
    sessionKey,
    update: (row) => {
      seen = row.benchCount;
      return { benchCount: updates };
    },
  });
  if (entry === null || (sessionKey in written && seen !== written[sessionKey])) lost += 1;
  written[sessionKey] = updates;
  updates += 1;
  dueMs = Math.max(dueMs + stepMs, performance.now() - 10 * stepMs);
  await delay(Math.max(0, dueMs - performance.now()));
}
const seconds = (performance.now() - startedMs) / 1000;
process.stdout.write(`${JSON.stringify({ updates, lost, seconds, written })}\n`);
// The release may keep timers of its own.
process.exit(0);
