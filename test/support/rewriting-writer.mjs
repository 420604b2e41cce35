// Rewrites a sessions.json as OpenClaw does: reads it, changes one row, writes a temporary, renames.
// Arguments: path of the store, pause between writes in ms, then the session keys that it changes in turn.
// Stops when its standard input closes, and prints the last count that it wrote to each row.
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const [path, pauseMs, ...keys] = process.argv.slice(2);
const written = {};
let stopped = false;
let writes = 0;
process.stdin.once('close', () => {
  stopped = true;
});
process.stdin.resume();
process.stdout.write('ready\n');
while (!stopped) {
  const rows = JSON.parse(readFileSync(path, 'utf8'));
  const key = keys[writes % keys.length];
  if (rows[key] !== undefined) {
    written[key] = writes;
    rows[key] = { ...rows[key], writerCount: writes, updatedAt: Date.now() };
    const temporary = `${path}.${process.pid}.${randomUUID()}.tmp`;
    writeFileSync(temporary, JSON.stringify(rows, null, 2), { mode: 0o600, flag: 'wx' });
    renameSync(temporary, path);
  }
  writes += 1;
  await delay(Number(pauseMs));
}
process.stdout.write(`${JSON.stringify({ writes, written })}\n`);
