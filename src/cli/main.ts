#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { systemClock } from '../clock.ts';
import { run } from './run.ts';

// Six lines a night about the Node version of a machine are no help to whoever reads the log at 3 am.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// Keeps the space for young objects at the 32 MB that it starts with. Rows are parsed and dropped in bursts, for
// which V8 would let it grow to 128 MB and never shrink: a third of all that a large run holds.
setFlagsFromString('--semi-space-growth-factor=1');

const interrupt = new AbortController();
process.on('SIGINT', () => stop());
process.on('SIGTERM', () => stop());
function stop(): void {
  // A second signal means now: whatever was begun is finished by the next run.
  if (interrupt.signal.aborted) process.exit(130);
  interrupt.abort();
}
// `clawback list | head` closes the pipe early; that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  clock: systemClock,
  signal: interrupt.signal,
});
