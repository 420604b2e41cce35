// Run as a process of its own: rewrites sessions.json each time that another program has begun to write a
// temporary file beside it, which is before that program can rename it.
// Usage: node store-interferer.ts <sessions.json>. Ends with its input, and prints how often it got in between.
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';

const path = process.argv[2] ?? '';
const rows = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
const seen = new Set<string>();
let times = 0;
let stopped = false;
process.stdin.on('end', () => {
  stopped = true;
});
process.stdin.resume();

function prepare(): string {
  rows[`agent:main:writer:${times}`] = { sessionId: `w${times}` };
  const prepared = `${path}.prepared`;
  writeFileSync(prepared, JSON.stringify(rows, null, 2), { mode: 0o600 });
  return prepared;
}

let prepared = prepare();
process.stdout.write('ready\n');
while (!stopped) {
  const begun = readdirSync(dirname(path)).find((name) => name.endsWith('.tmp') && !seen.has(name));
  if (begun !== undefined) {
    seen.add(begun);
    renameSync(prepared, path);
    times += 1;
    prepared = prepare();
  }
  await setImmediate();
}
process.stdout.write(`${times}\n`);
