// Run as a process of its own: OpenClaw's way of writing sessions.json, in a loop, until its input ends.
// Usage: node store-writer.ts <sessions.json> <pauseMs>. Prints how many rows it added.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

const [path = '', pause = '0'] = process.argv.slice(2);
let stopped = false;
process.stdin.on('end', () => {
  stopped = true;
});
process.stdin.resume();
process.stdout.write('ready\n');
let added = 0;
while (!stopped) {
  const rows = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  rows[`agent:main:writer:${added}`] = { sessionId: `w${added}`, updatedAt: Date.now() };
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, JSON.stringify(rows, null, 2), { mode: 0o600 });
  renameSync(temporary, path);
  added += 1;
  await setTimeout(Number(pause));
}
process.stdout.write(`${added}\n`);
