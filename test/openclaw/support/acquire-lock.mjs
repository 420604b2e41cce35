// Tries to lock a transcript as an agent's turn does, through the public plugin SDK, and prints how that ended.
// Takes the package folder, the transcript and how long to wait in milliseconds.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [packageDir, sessionFile, timeoutMs] = process.argv.slice(2);
const sdk = createRequire(join(packageDir, 'package.json')).resolve(
  'openclaw/plugin-sdk/agent-harness-runtime',
);
const { acquireSessionWriteLock } = await import(sdk);
try {
  const lock = await acquireSessionWriteLock({ sessionFile, timeoutMs: Number(timeoutMs) });
  await lock.release();
  process.stdout.write('acquired');
} catch (error) {
  process.stdout.write(error.name);
}
process.exit(0);
